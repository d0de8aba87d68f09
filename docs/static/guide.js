// What the theme leaves out for keyboards and screen readers.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const set = (selector, name, value) => {
    for (const found of document.querySelectorAll(selector)) found.setAttribute(name, value);
  };
  set(".caption[role=heading]", "aria-level", "2");
  set(".sidebar-drawer", "aria-label", "Guide");
  set(".toc-drawer", "aria-label", "This page");
  set("thead th:has(> p:empty:only-child)", "role", "cell"); // a corner is the heading of nothing
  // Whatever may be wider than a phone can be scrolled from the keyboard.
  set(".highlight pre, .table-wrapper", "tabindex", "0");
});
