drop table unreadable_records, operators, match_decisions, messages, conversation_companies, conversations;
