alter table integrations drop column next_rolling_page;
