drop table audit_entries, website_claims, integrations, accounts;
