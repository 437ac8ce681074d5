drop table erasures, profiles, contact_companies, contacts, companies;
