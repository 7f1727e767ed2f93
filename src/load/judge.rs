//! What a response must be to count as a success.

use serde::Deserialize;

use super::connection::Answer;
use crate::domain::summary::Failure;

/// What an endpoint's requests succeed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judge {
    /// HTTP 200 and an integer from 1, nothing else: an update.
    EntryId,
    /// HTTP 200 and a JSON object that does not say `"success": false`: a question of an agent.
    Object,
    /// HTTP 200 and a JSON object that says `"success": true`: a command of an agent.
    Success,
    /// Any status from 200 to 299.
    AnySuccess,
    /// One of these statuses.
    Statuses(Vec<u16>),
}

/// What of an agent's answer matters.
#[derive(Deserialize)]
struct Said {
    success: Option<bool>,
}

impl Judge {
    /// Whether the body matters.
    pub fn reads_body(&self) -> bool {
        match self {
            Self::EntryId | Self::Object | Self::Success => true,
            Self::AnySuccess | Self::Statuses(_) => false,
        }
    }

    /// The entry id that `answer` is, where it acknowledges an update.
    pub fn entry_id(&self, answer: &Answer) -> Option<u64> {
        let is_update = *self == Self::EntryId && answer.status == 200;
        is_update.then(|| entry_id(&answer.body)).flatten()
    }

    /// The failure that `answer` is, if it is one.
    pub fn failure(&self, answer: &Answer) -> Option<Failure> {
        let status = answer.status;
        let expected = match self {
            Self::EntryId | Self::Object | Self::Success => status == 200,
            Self::AnySuccess => (200..=299).contains(&status),
            Self::Statuses(statuses) => statuses.contains(&status),
        };
        if !expected {
            return Some(Failure::of_status(status));
        }
        let said =
            |wanted: fn(Option<bool>) -> bool| said(&answer.body).is_some_and(|said| wanted(said.success));
        let well = match self {
            Self::EntryId => entry_id(&answer.body).is_some(),
            Self::Object => said(|success| success != Some(false)),
            Self::Success => said(|success| success == Some(true)),
            Self::AnySuccess | Self::Statuses(_) => true,
        };
        (!well).then_some(Failure::Body)
    }
}

/// The entry id that a body is.
fn entry_id(body: &[u8]) -> Option<u64> {
    let digits = body.trim_ascii();
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    number.filter(|number| *number >= 1 && digits[0] != b'+')
}

/// `None` for anything but a JSON object. (Read into a structure, an array would do.)
fn said(body: &[u8]) -> Option<Said> {
    let is_object = body.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(body).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(judge: &Judge, status: u16, body: &str) -> Option<Failure> {
        judge.failure(&Answer { status, body: body.to_owned().into() })
    }

    #[test]
    fn an_update_succeeds_with_200_and_an_integer_from_1_only() {
        for good in ["1", "42\n", " 7 "] {
            assert_eq!(judged(&Judge::EntryId, 200, good), None, "{good}");
            let answer = Answer { status: 200, body: good.into() };
            assert_eq!(Judge::EntryId.entry_id(&answer), good.trim().parse().ok(), "{good}");
            assert_eq!(Judge::AnySuccess.entry_id(&answer), None, "only updates have one");
        }
        for bad in ["0", "", "-1", "+1", "1.0", "ok", "1 2", "99999999999999999999"] {
            assert_eq!(judged(&Judge::EntryId, 200, bad), Some(Failure::Body), "{bad}");
        }
        assert_eq!(judged(&Judge::EntryId, 201, "1"), Some(Failure::Status));
        assert_eq!(judged(&Judge::EntryId, 400, "0"), Some(Failure::Status4xx));
        assert_eq!(judged(&Judge::EntryId, 503, "0"), Some(Failure::Status5xx));
    }

    #[test]
    fn an_agent_succeeds_with_what_its_answer_says() {
        for (body, question, command) in [
            (r#"{"success":true,"stdout":"hello"}"#, true, true),
            (r#"{"status":"ok"}"#, true, false),
            (r#"{"success":false}"#, false, false),
            (r#"{"success":null}"#, true, false),
            (r#"[true]"#, false, false),
            ("", false, false),
            ("{", false, false),
        ] {
            assert_eq!(judged(&Judge::Object, 200, body).is_none(), question, "{body}");
            assert_eq!(judged(&Judge::Success, 200, body).is_none(), command, "{body}");
        }
        assert_eq!(judged(&Judge::Success, 403, "{}"), Some(Failure::Status4xx));
    }

    #[test]
    fn other_targets_succeed_with_their_status() {
        let statuses = Judge::Statuses(vec![201, 404]);
        for (status, any, given) in [
            (200, true, false),
            (201, true, true),
            (299, true, false),
            (302, false, false),
            (404, false, true),
        ] {
            assert_eq!(judged(&Judge::AnySuccess, status, "").is_none(), any, "{status}");
            assert_eq!(judged(&statuses, status, "").is_none(), given, "{status}");
        }
    }
}
