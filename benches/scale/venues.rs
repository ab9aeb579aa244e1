//! Embedded venues in processes of their own: one venue for a hundred sessions, because an embedded venue looks through
//! all of its connections for every message, and a process for as many as its descriptors carry. They are driven by words
//! on their standard input and answer each with one line.

use super::Outcome;
use killcord::driver::clock;
use killcord::driver::serve::{HostFault, JournalKind, Selector, ServeOptions, Server, WireFault, embedded};
use killcord::model::{Moment, TimeFactor, VenueName};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Sessions of one venue.
pub const SESSIONS_MAX: usize = 100;
/// Sessions of one process: three connections each, and the usual limit is not much above.
const SESSIONS_OF_PROCESS: usize = 2_500;
pub const SECRET: &str = "scale-secret";
/// A third of the venue's own 30 s, so that a run of seconds sees a beat of every session.
const HEARTBEAT_EVERY: &str = "10000";
const DARK: Duration = Duration::from_secs(2);

/// The key of a session's account.
pub fn key(session: usize) -> String {
    format!("key{session:03}")
}

/// Runs venues for this many sessions until its input ends.
pub fn serve(sessions: usize) -> Outcome<()> {
    let servers = (0..sessions.div_ceil(SESSIONS_MAX)).map(|_| venue()).collect::<Outcome<Vec<Server>>>()?;
    for server in &servers {
        let urls = server.urls(VenueName::CryptoCom);
        println!("{} {}", urls.guard, urls.http);
    }
    println!("ready");
    let mut marks = vec![0; servers.len()];
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            "mark" => {
                for (mark, server) in marks.iter_mut().zip(&servers) {
                    let page = server.journal(0)?;
                    *mark = page.first + page.entries.len() as u64;
                }
                println!("marked");
            }
            "beats" => println!("{}", beats(&servers, &marks)?),
            "refused" => println!("{}", counted(&servers, JournalKind::Refused)?),
            "restart" => println!("{}", restart(&servers)?.nanos()),
            other => return Err(format!("no such word: {other}").into()),
        }
    }
    Ok(())
}

fn venue() -> Outcome<Server> {
    let options =
        ServeOptions { plaintext: true, ..ServeOptions::new(embedded(VenueName::CryptoCom, TimeFactor::REAL)) };
    let server = Server::start(options)?;
    server.set_knob("first_heartbeat_ms", HEARTBEAT_EVERY)?;
    server.set_knob("heartbeat_every_ms", HEARTBEAT_EVERY)?;
    for session in 0..SESSIONS_MAX {
        server.add_account(&key(session), SECRET, &key(session))?;
    }
    Ok(server)
}

/// Microseconds from each heartbeat to the answer that counts, then how many connections were cut or left.
fn beats(servers: &[Server], marks: &[u64]) -> Outcome<String> {
    let (mut answered, mut missed) = (Vec::new(), 0);
    for (server, mark) in servers.iter().zip(marks) {
        let mut sent = BTreeMap::new();
        for entry in server.journal(*mark)?.entries {
            match entry.kind {
                JournalKind::Heartbeat => drop(entry.conn.map(|conn| sent.insert(conn, entry.at))),
                JournalKind::LifeSign => {
                    let began = entry.conn.and_then(|conn| sent.remove(&conn));
                    answered.extend(began.map(|began| entry.at.since(began).as_micros().to_string()));
                }
                JournalKind::Ended => missed += 1,
                _ => {}
            }
        }
        // Those of the last seconds may still be answered.
        let now = clock::moment();
        missed += sent.values().filter(|at| now.since(**at) > ANSWER_WITHIN).count();
    }
    Ok(format!("{missed} {}", answered.join(" ")))
}

fn counted(servers: &[Server], kind: JournalKind) -> Outcome<usize> {
    let mut count = 0;
    for server in servers {
        count += server.journal(0)?.entries.iter().filter(|entry| entry.kind == kind).count();
    }
    Ok(count)
}

/// Every connection is reset and dials are refused for a while, as when a program is started anew. Returns the end of that.
fn restart(servers: &[Server]) -> Outcome<Moment> {
    for server in servers {
        server.host(HostFault::RefuseDials)?;
        server.wire(WireFault::Reset, Selector::All)?;
    }
    std::thread::sleep(DARK);
    for server in servers {
        server.heal()?;
    }
    Ok(clock::moment())
}

/// The venue's own limit.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The other end of all that: the processes, seen from the one with the guards.
pub struct Venues {
    processes: Vec<Process>,
    urls: Vec<(String, String)>,
}

struct Process {
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

/// What the journals know of heartbeats.
pub struct Beats {
    /// Sorted.
    pub answered_us: Vec<f64>,
    pub missed: usize,
}

impl Venues {
    pub fn start(sessions: usize) -> Outcome<Self> {
        let (mut processes, mut urls) = (Vec::new(), Vec::new());
        let mut left = sessions;
        while left > 0 {
            let these = left.min(SESSIONS_OF_PROCESS);
            left -= these;
            let mut process = Process::start(these)?;
            loop {
                let line = process.line()?;
                let Some((socket, http)) = line.split_once(' ') else { break };
                urls.push((socket.to_owned(), http.to_owned()));
            }
            processes.push(process);
        }
        Ok(Self { processes, urls })
    }

    pub fn urls(&self) -> &[(String, String)] {
        &self.urls
    }

    /// Heartbeats count from here on.
    pub fn mark(&mut self) -> Outcome<()> {
        self.ask("mark").map(drop)
    }

    pub fn beats(&mut self) -> Outcome<Beats> {
        let mut beats = Beats { answered_us: Vec::new(), missed: 0 };
        for line in self.ask("beats")? {
            let mut words = line.split_ascii_whitespace();
            beats.missed += words.next().unwrap_or("0").parse::<usize>()?;
            for word in words {
                beats.answered_us.push(word.parse()?);
            }
        }
        beats.answered_us.sort_by(f64::total_cmp);
        Ok(beats)
    }

    /// Requests that the venues refused since they were started.
    pub fn refused(&mut self) -> Outcome<usize> {
        self.ask("refused")?.iter().map(|line| Ok(line.parse::<usize>()?)).sum()
    }

    /// Returns when the last venue was there again, on the clock of the guards.
    pub fn restart(&mut self) -> Outcome<Moment> {
        let healed = self.ask("restart")?.iter().map(|line| Ok(line.parse()?)).collect::<Outcome<Vec<u64>>>()?;
        Ok(Moment::from_nanos(healed.into_iter().max().unwrap_or(0)))
    }

    /// Asks all before it waits for any.
    fn ask(&mut self, word: &str) -> Outcome<Vec<String>> {
        for process in &mut self.processes {
            writeln!(process.say, "{word}")?;
        }
        self.processes.iter_mut().map(Process::line).collect()
    }
}

impl Process {
    fn start(sessions: usize) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["venues", &sessions.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (say, hear) = child.stdin.take().zip(child.stdout.take()).ok_or("no pipes")?;
        Ok(Self { child, say, hear: BufReader::new(hear) })
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.hear.read_line(&mut line)? == 0 {
            return Err("a process of venues ended".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already, if it fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
