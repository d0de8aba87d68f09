"""Kinds of models: how a key is fed in and an answer is read, one package a kind."""
