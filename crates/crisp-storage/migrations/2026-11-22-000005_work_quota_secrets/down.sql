drop table unclaimed_hooks, sealed_secrets, request_counts, quota_waiters, quota_grants, quota_state, work_items;
