drop index conversations_newest;
