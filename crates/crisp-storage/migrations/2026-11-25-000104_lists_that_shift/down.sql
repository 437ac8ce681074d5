alter table integrations drop column people_unsorted;

drop index conversations_removed;
