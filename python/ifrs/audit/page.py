def write_page(out, records, subject, facts):
    pass
