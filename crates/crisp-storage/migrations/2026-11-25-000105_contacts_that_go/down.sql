drop index conversations_of_contact;
