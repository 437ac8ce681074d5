alter table integrations
    drop column expected_conversations,
    drop column expected_requests;
