alter table contacts drop column country_alpha2;
