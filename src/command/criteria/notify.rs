//! Tells somebody that the verdict has changed: a command, and a GET. Neither can hold up the check for longer than its time.

use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::clock;
use crate::exec::descendants;

/// Bytes of a hook's output that are kept of each stream; what is beyond is read and dropped.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// How long what has ended may take to be taken in, and what it has written to be read.
const REST_MAX: Duration = Duration::from_secs(1);
/// Variables that a hook neither needs nor should see.
const SECRETS: [&str; 3] = ["PORTA_API_KEY", "PORTA_PING", "PORTA_TOKEN"];

/// What is to be told: variables of the hook's environment.
pub type Facts = Vec<(&'static str, String)>;

/// What came of a hook.
#[derive(Debug)]
pub struct Told {
    /// `exit code 0`, or why it did not end by itself.
    pub outcome: Result<String, String>,
    /// How long it took.
    pub took: Duration,
    /// What it wrote on standard output.
    pub stdout: String,
    /// What it wrote on standard error.
    pub stderr: String,
}

/// Runs `command` by sh. It is done when sh has ended, and has not told anybody when that was not within `limit`: then it is
/// killed, with all that it has started, be that in another session meanwhile. What a hook that has ended by itself has
/// left running is left alone: to start something may be what it is for.
pub async fn run_hook(command: &str, facts: &Facts, limit: Duration) -> Told {
    let begun = clock::instant();
    if let Err(error) = descendants::adopt() {
        tracing::debug!(%error, "what the hook starts may be out of sight");
    }
    let mut hook = Command::new("/bin/sh");
    hook.arg("-c").arg(command).envs(facts.iter().cloned()).process_group(0).kill_on_drop(true);
    hook.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    SECRETS.iter().for_each(|secret| _ = hook.env_remove(secret));
    let mut told = Told {
        outcome: Ok(String::new()),
        took: Duration::ZERO,
        stdout: String::new(),
        stderr: String::new(),
    };
    match hook.spawn() {
        Err(error) => told.outcome = Err(format!("it cannot be started: {error}")),
        Ok(mut child) => told.outcome = finish(&mut child, limit, &mut told.stdout, &mut told.stderr).await,
    }
    told.took = begun.elapsed();
    told
}

async fn finish(
    child: &mut Child,
    limit: Duration,
    stdout: &mut String,
    stderr: &mut String,
) -> Result<String, String> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut out_bytes, mut err_bytes) = (Vec::new(), Vec::new());
    let ended = {
        let mut reading = pin!(async { tokio::join!(read(out, &mut out_bytes), read(err, &mut err_bytes)) });
        let mut is_read = false;
        let ended = timeout(limit, async {
            loop {
                tokio::select! {
                    status = child.wait() => return status,
                    _ = &mut reading, if !is_read => is_read = true,
                }
            }
        })
        .await;
        if ended.is_err() {
            descendants::end_all();
            // Takes it in; what the kernel holds on to is not waited for.
            let _ = timeout(REST_MAX, child.wait()).await;
        }
        if !is_read {
            // What it has left running may have its output open for ever.
            let _ = timeout(REST_MAX, reading).await;
        }
        ended
    };
    *stdout = String::from_utf8_lossy(&out_bytes).into_owned();
    *stderr = String::from_utf8_lossy(&err_bytes).into_owned();
    match ended {
        Ok(Ok(status)) if status.success() => Ok("exit code 0".into()),
        Ok(Ok(status)) => {
            Err(status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}")))
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it was killed after {}", crate::domain::unit::duration(limit))),
    }
}

/// Reads to the end and keeps the beginning.
async fn read(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 8192];
    // A stream that cannot be read has no more to say.
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let room = OUTPUT_BYTES_MAX - kept.len();
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_hook_is_told_by_its_environment() {
        let facts = vec![("PORTA_VERDICT", "critical".to_owned())];
        let told = run_hook("echo $PORTA_VERDICT; echo no >&2; exit 3", &facts, LONG).await;
        assert_eq!(told.outcome, Err("exit code 3".into()));
        assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("critical\n", "no\n"));
        let told = run_hook("cat", &facts, LONG).await;
        assert_eq!(told.outcome, Ok("exit code 0".into()), "its input is empty");
    }

    #[tokio::test]
    async fn much_output_is_read_and_its_beginning_kept() {
        let told = run_hook("yes | head -c 1000000", &Vec::new(), LONG).await;
        assert_eq!((told.outcome, told.stdout.len()), (Ok("exit code 0".into()), OUTPUT_BYTES_MAX));
    }
}
