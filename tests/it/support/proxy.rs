//! nginx before a server, as operators have it.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::watch::until;
use super::{Server, Workspace};

/// A running nginx. It is ended when dropped.
pub struct Proxy {
    child: Child,
    pub port: u16,
}

impl Proxy {
    /// Starts one whose configuration has these lines for a server. `LISTEN` stands for its address, `PORTA` for porta's.
    pub fn start(workspace: &Workspace, server: &Server, lines: &str) -> Self {
        // Somebody else may take the port in between; then nginx does not start, and the test says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let lines = lines.replace("LISTEN", &format!("127.0.0.1:{port}")).replace("PORTA", server.address());
        let folder = workspace.path().join("nginx");
        fs::create_dir_all(&folder).unwrap();
        let mut configuration = String::from(
            "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events {}\n\
             http {\n  access_log off;\n",
        );
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            writeln!(configuration, "  {kind}_temp_path {kind};").unwrap();
        }
        writeln!(configuration, "  server {{\n{lines}\n  }}\n}}").unwrap();
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nginx (apt-get install nginx-light)");
        until("nginx listens", || {
            assert_eq!(child.try_wait().unwrap(), None, "nginx has ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { child, port }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
