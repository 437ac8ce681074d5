alter table messages drop column sent_at_assumed;
