//! Everything that a database holds, as text to search in.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Database;

const TABLES: &str = "select quote_ident(relname)::text from pg_class \
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1";
/// Of every row its text, and of every column that holds bytes what they spell.
const BYTES: &str = "select coalesce(string_agg(format(', encode(t.%I, ''escape'')', attname), ''), '') \
     from pg_attribute where attrelid = $1::text::regclass and atttypid = 'bytea'::regtype and attnum > 0";

impl Database {
    /// Every row of every table, a line each that begins with the table's name. Columns of bytes are told twice: as
    /// Postgres writes them, in hex, and as the characters that they spell.
    pub async fn dump(&self) -> Result<String> {
        let (client, connection) = tokio_postgres::connect(self.url(), tokio_postgres::NoTls)
            .await
            .context("cannot connect for a dump")?;
        let driver = tokio::spawn(connection);
        let mut text = String::new();
        for row in client.query(TABLES, &[]).await? {
            let table: String = row.try_get(0)?;
            let bytes: String = client.query_one(BYTES, &[&table]).await?.try_get(0)?;
            let rows = format!("select concat_ws(' ', t::text{bytes}) from {table} t");
            for row in client.query(&rows, &[]).await? {
                writeln!(text, "{table}: {}", row.try_get::<_, String>(0)?.replace('\n', "\\n"))?;
            }
        }
        driver.abort();
        Ok(text)
    }
}
