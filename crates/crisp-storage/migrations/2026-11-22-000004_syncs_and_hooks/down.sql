drop table wanted_records, hooks, sightings, sync_runs;
