//! Who commands run as.

use std::fs;

/// Where users have their numbers. A static executable cannot ask the system's other sources.
const USERS: &str = "/etc/passwd";

/// A user, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// That of the user's group.
    pub gid: u32,
    /// As the operator has named the user.
    pub name: String,
}

impl User {
    /// The user of that name, or of the numbers `UID:GID`.
    ///
    /// # Errors
    /// For root, and where there is no such user.
    pub fn find(text: &str) -> Result<Self, String> {
        let users = fs::read_to_string(USERS).map_err(|error| format!("{USERS}: {error}"))?;
        let user = Self::find_in(&users, text)?;
        if user.uid == 0 || user.gid == 0 {
            return Err(format!(
                "{text} is root or in its group; commands are run as somebody with fewer rights"
            ));
        }
        Ok(user)
    }

    fn find_in(users: &str, text: &str) -> Result<Self, String> {
        let named = |uid: &str, gid: &str| {
            Some(Self { uid: uid.parse().ok()?, gid: gid.parse().ok()?, name: text.to_owned() })
        };
        if let Some(user) = text.split_once(':').and_then(|(uid, gid)| named(uid, gid)) {
            return Ok(user);
        }
        let of_line = |line: &str| {
            let mut columns = line.split(':');
            let (name, _, uid, gid) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
            if name == text { named(uid, gid) } else { None }
        };
        let found = users.lines().find_map(of_line);
        found.ok_or_else(|| format!("{USERS} has no user {text}; UID:GID names one by number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_or_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/sbin/nologin\nbroken\n";
        let find = |text: &str| User::find_in(users, text).map(|user| (user.uid, user.gid));
        assert_eq!(find("nobody"), Ok((65534, 65533)));
        assert_eq!(find("1000:1001"), Ok((1000, 1001)));
        for none in ["", "nobod", "broken", "1000", "1000:", ":", "-1:5", "x:x"] {
            assert!(find(none).is_err(), "{none}");
        }
        assert!(User::find("0:0").is_err() && User::find("root").is_err());
    }
}
