//! One number for everything that a database holds.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};
use sha2::{Digest as _, Sha256};

use super::sessions::ACCESS_TABLES;
use crate::domain::contents::Fingerprint;

/// What stands before a value, a row and a table, so that no two contents are written the same.
const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;
const ROW: u8 = 5;
const END: u8 = 6;

/// Reads the schema and each row of each table, in an order that follows from what is stored. It takes the memory of one row.
pub fn of(connection: &Connection) -> rusqlite::Result<Fingerprint> {
    let mut digest = Sha256::new();
    // Where a table begins in the file is nothing that it holds.
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
    add_rows(&mut digest, &mut connection.prepare(schema)?)?;
    for (table, is_clustered) in tables(connection)? {
        let order = if is_clustered { primary_key(connection, &table)? } else { "rowid".into() };
        let rows = format!("SELECT * FROM {} ORDER BY {order}", quoted(&table));
        add_rows(&mut digest, &mut connection.prepare(&rows)?)?;
    }
    Ok(Fingerprint(digest.finalize().into()))
}

/// All tables by name, SQLite's own too, and whether each is clustered by its primary key. When the last backup was made is noted
/// after it, and would make it another; and sessions do not come back with a restore.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, bool)>> {
    let tables: Vec<(String, bool)> = connection
        .prepare(
            "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
             AND name NOT IN ('sqlite_schema', 'milestones') ORDER BY name",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(tables.into_iter().filter(|(name, _)| !ACCESS_TABLES.contains(&name.as_str())).collect())
}

fn primary_key(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    let columns = connection
        .prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?
        .query_map([table], |row| Ok(quoted(&row.get::<_, String>(0)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(columns.join(", "))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn add_rows(digest: &mut Sha256, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut written = Vec::new();
    while let Some(row) = rows.next()? {
        written.clear();
        written.push(ROW);
        for column in 0..columns {
            add(&mut written, row.get_ref(column)?);
        }
        digest.update(&written);
    }
    digest.update([END]);
    Ok(())
}

fn add(written: &mut Vec<u8>, value: ValueRef<'_>) {
    let mut sized = |tag, bytes: &[u8]| {
        written.push(tag);
        written.extend((bytes.len() as u64).to_le_bytes());
        written.extend(bytes);
    };
    match value {
        ValueRef::Text(text) => sized(TEXT, text),
        ValueRef::Blob(bytes) => sized(BLOB, bytes),
        ValueRef::Null => written.push(NULL),
        ValueRef::Integer(number) => {
            written.push(INTEGER);
            written.extend(number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            written.push(REAL);
            written.extend(number.to_bits().to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::connection;

    fn fingerprint(sql: &str) -> Fingerprint {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = connection::open_or_create(&folder.path().join("x.db")).expect("a database");
        connection.execute_batch(sql).expect("valid");
        of(&connection).expect("readable")
    }

    #[test]
    fn it_follows_from_what_is_stored_and_not_from_how() {
        let table = "CREATE TABLE t (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID;";
        let one = fingerprint(&format!("{table} INSERT INTO t VALUES (1, 2), (2, 1);"));
        let same = format!(
            "{table} INSERT INTO t VALUES (2, 1), (7, 7); INSERT INTO t VALUES (1, 2); DELETE FROM t WHERE a = 7; VACUUM;"
        );
        assert_eq!(fingerprint(&same), one);
    }

    #[test]
    fn any_difference_shows() {
        let table = "CREATE TABLE t (a, b);";
        let contents = [
            "",
            "INSERT INTO t VALUES (NULL, NULL);",
            "INSERT INTO t VALUES (NULL, NULL), (NULL, NULL);",
            "INSERT INTO t VALUES (1, NULL);",
            "INSERT INTO t VALUES (NULL, 1);",
            "INSERT INTO t VALUES (1.0, NULL);",
            "INSERT INTO t VALUES ('1', NULL);",
            "INSERT INTO t VALUES (x'31', NULL);",
            "INSERT INTO t VALUES ('ab', 'c');",
            "INSERT INTO t VALUES ('a', 'bc');",
            "CREATE INDEX i ON t (a);",
            "CREATE TABLE u (a);",
        ];
        let all: std::collections::HashSet<_> =
            contents.iter().map(|more| fingerprint(&format!("{table} {more}")).0).collect();
        assert_eq!(all.len(), contents.len());
    }
}
