-- A country as it came may be a code in any case or a name; beside it, one form that can be compared and counted.

alter table contacts add column country_alpha2 text;

comment on column contacts.country_alpha2 is 'Normal form of the attribute country, where it has one: the upper-case ISO 3166 alpha-2 code. Contacts from before this column get it when they are next written.';
