alter table conversations drop column notes_left_out;
