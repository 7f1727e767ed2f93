//! A real browser: Chromium without a window, driven by ChromeDriver.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel};

/// How long a page may take to become what a test waits for. Only a test that fails takes it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What ChromeDriver says once it listens.
const LISTENING: &str = "was started successfully on port ";

/// A browser with a profile of its own. It ends with the test, and what it has asked for and complained about is looked at
/// by [`Browser::end`].
pub struct Browser {
    pub page: WebDriver,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    pub async fn start() -> Self {
        Self::speaking("en").await
    }

    /// One whose user prefers this language.
    pub async fn speaking(language: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ChromeDriver; Debian has it in chromium-driver");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .filter_map(|line| Some(line.split_once(LISTENING)?.1.trim_end_matches('.').to_owned()))
            .next()
            .expect("the port that ChromeDriver listens on");
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        let folder = format!("--user-data-dir={}", profile.path().display());
        // Whoever runs the tests as root has no sandbox for it; all it opens are pages of the test's own server.
        for argument in
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", &folder]
        {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_experimental_option("prefs", json!({ "intl.accept_languages": language })).unwrap();
        for log in ["browser", "performance"] {
            wanted.set_logging_prefs(log, LoggingPrefsLogLevel::All).unwrap();
        }
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        let browser = Self { page, driver, _profile: profile };
        browser.resize(1440, 1000).await;
        browser
    }

    pub async fn open(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    /// The size of what a page is drawn in, in CSS pixels; windows cannot be as narrow as phones.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// `light` or `dark`, as its user prefers.
    pub async fn prefer_scheme(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell("Emulation.setEmulatedMedia", features).await;
    }

    /// A command of the DevTools protocol.
    pub async fn tell(&self, command: &str, parameters: Value) -> Value {
        self.page.cdp().send_raw(command, parameters).await.unwrap()
    }

    /// The first element that the selector finds, once there is one.
    pub async fn find(&self, selector: &str) -> WebElement {
        let found =
            self.page.query(By::Css(selector)).wait(PATIENCE, Duration::from_millis(20)).first().await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{selector} is not on the page: {error}\n{}", self.text().await),
        }
    }

    /// All elements that the selector finds now.
    pub async fn all(&self, selector: &str) -> Vec<WebElement> {
        self.page.find_all(By::Css(selector)).await.unwrap()
    }

    pub async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    /// Puts a text in the place of a field's.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Waits until the page is at a path that begins so, and returns the whole.
    pub async fn arrive(&self, path: &str) -> String {
        let script = "return location.pathname + location.search";
        self.until(script, |at| at.as_str().is_some_and(|at| at.starts_with(path)))
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Evaluates a script again and again until it returns what is wanted. A page that is just being left has no answer.
    pub async fn until(&self, script: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                if let Ok(found) = self.page.execute(script, Vec::new()).await
                    && wanted(found.json())
                {
                    return found.json().clone();
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("{script} did not come to what was waited for:\n{}", self.text().await),
        }
    }

    /// What the script returns now.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// The text that a reader sees.
    pub async fn text(&self) -> String {
        let text = self.evaluate("return document.body.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Errors and warnings in the console since this was last asked for.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.page.browser_log().await.unwrap();
        entries
            .into_iter()
            .filter(|entry| entry.level != "INFO" && entry.level != "DEBUG")
            .map(|entry| entry.message)
            .collect()
    }

    /// The addresses that were asked for since this was last called.
    pub async fn requested(&self) -> Vec<String> {
        let entries = self.page.get_log("performance").await.unwrap();
        let event = |entry: &thirtyfour::BrowserLogEntry| serde_json::from_str::<Value>(&entry.message).ok();
        let url = |event: Value| {
            let message = &event["message"];
            let is_request = message["method"] == "Network.requestWillBeSent";
            is_request.then(|| message["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
        };
        entries.iter().filter_map(event).filter_map(url).collect()
    }

    /// Nothing was complained about, and nobody but `server` was asked for anything.
    pub async fn end(self, server: &str) {
        assert_eq!(self.complaints().await, Vec::<String>::new());
        let foreign: Vec<_> = self
            .requested()
            .await
            .into_iter()
            .filter(|url| !url.starts_with(server) && !url.starts_with("data:") && !url.starts_with("chrome"))
            .collect();
        assert_eq!(foreign, Vec::<String>::new(), "asked for elsewhere");
        self.page.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser outlives the driver that has started it, unless its group is ended.
        let _ = kill_process_group(Pid::from_child(&self.driver), Signal::KILL);
        let _ = self.driver.wait();
    }
}
