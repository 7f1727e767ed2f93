
use builtin;
use str;

set edit:completion:arg-completer[porta] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'porta'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'porta'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand serve 'Answer devices'
            cand stress 'Measure how much load a server takes'
            cand report 'Show what was measured'
            cand criteria 'Judge whether this installation is still fine, what to tune, and when to move on'
            cand migrate 'Bring the database up to date, back it up, restore it; bring channels in and out'
            cand admin 'Manage accounts, channels, their keys and admin tokens in the database'
            cand generate 'Write completions and man pages'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;serve'= {
            cand --listen 'Address to listen on; port 0 picks a free one, and the first line of the output names it'
            cand --workers 'Threads that answer requests, 1 to 256'
            cand --worker-timeout 'End a request that takes longer with 503'
            cand --shutdown-timeout 'How long accepted requests may take after a stop was asked for'
            cand --root-path 'Path below which a proxy serves this, such as /porta; whether it takes the path away before it passes a request on or not'
            cand --trusted-proxy 'Addresses of proxies whose X-Forwarded-For, -Proto and -Host are believed, such as 127.0.0.1,::1; nobody else''s are'
            cand --max-connections 'Open connections; the next is answered with 503 and closed, 1 to 100000'
            cand --max-requests 'Requests in flight; the next is answered with 503, 1 to 100000'
            cand --max-queue 'Updates that wait for the database; the next is answered with 503, 1 to 100000'
            cand --max-bulk-updates 'Bulk updates in flight; the next is answered with 503, 1 to 100000'
            cand --max-head 'Head of a request; a longer one is answered with 431, 8KiB to 1MiB'
            cand --max-body 'Body of a request; a longer one is answered with 413, 1KiB to 1GiB'
            cand --max-bulk-body 'Body of a bulk update; a longer one is answered with 413, 1KiB to 1GiB'
            cand --max-unsent 'Answers over 64 KiB that their clients have not taken yet, together; the next is answered with 503, 32MiB to 64GiB'
            cand --head-timeout 'Time for the head of a request to arrive, and of an idle connection'
            cand --body-timeout 'Time for a body to arrive; a later one is answered with 408'
            cand --send-timeout 'Time for which a client may take nothing of its answer'
            cand --token-file 'File with the token that agents present; the variable PORTA_TOKEN is the other way'
            cand --exec 'Run commands for agents: none, those that a file permits, or any'
            cand --exec-allowlist 'The commands that --exec allowlist permits'
            cand --exec-dir 'Folder that commands run in, and write to [default: porta-exec beside the database]'
            cand --exec-user 'User that commands run as, by name or UID:GID; only root can be another than itself'
            cand --agent-status-ttl 'How long it is taken for granted that an agent is registered'
            cand --agent-window 'How long an agent counts as active after it was seen'
            cand --agent-retention 'How long it is remembered what was done for agents'
            cand --public-url-file 'File with the address by which this server is known elsewhere'
            cand --max-commands 'Commands and pipelines that run; the next is answered with 503, 1 to 1000'
            cand --max-agent-commands 'The same of one agent; the next is answered with 429, 1 to 1000'
            cand --max-pipeline 'Commands of a pipeline; a longer one is answered with 422, 1 to 10000'
            cand --max-command-time 'Time of a command; to ask for more is answered with 422, at most 1h'
            cand --max-output 'Output of a command, each of its two streams; the rest is thrown away, 1KiB to 8MiB'
            cand --max-processes 'Processes of all commands together, 8 to 100000'
            cand --max-process-memory 'Private memory of one of their processes, 64MiB to 1TiB'
            cand --max-file 'A file that one writes, 1KiB to 1TiB'
            cand --stress-test-max-workers 'Connections of a stress test, 1 to 1000'
            cand --stress-test-max-rps 'Requests a second of a stress test, 1 to 100000'
            cand --stress-test-max-duration 'How long a stress test may send, 1s to 24h'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --no-migrate 'Refuse a database with an old schema instead of migrating it'
            cand --debug 'One worker, web/ read again at every request, a verbose log'
            cand --with-parent 'Stop when the process that started this one ends'
            cand --exec-allow-root 'Run commands even as root'
            cand --exec-allow-remote 'Run commands even when other machines can reach the server'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;stress'= {
            cand --url 'Server to measure [default: http://127.0.0.1:8000 when --channel or --api-key is given, else a private server]'
            cand --channel 'Channel that the API key belongs to, for the report'
            cand --api-key 'Write API key; set PORTA_API_KEY instead, since an argument shows in the list of processes'
            cand --scenario 'A load with a name; what is given beside it counts more: baseline (10 workers, 100 rps, 60 s), medium (25, 500, 120 s), high (50, 1000, 60 s), max (100, 5000, 60 s), soak (10, 100, 4 h)'
            cand --workers 'Connections, 1 to 1000 [default: 10]'
            cand --rps 'Requests a second, 1 to 100000, or `max`: each worker sends as soon as it has its answer [default: 100]'
            cand --ramp 'Requests a second at the start and at the end, changing in a straight line: 100..5000'
            cand --requests 'So many requests, spread evenly over --duration'
            cand --duration 'How long to send, 1s to 24h [default: 60s]'
            cand --warm-up 'Send for so long before it, at the rate that it begins with, without measuring; up to 1h'
            cand --timeout 'How long to wait for an answer, up to 10m'
            cand --fail-on 'What has to hold, such as ''p95<200ms'' or ''success>99%''; exit code 4 if it does not. Can be given several times'
            cand --agents 'Be so many agents, 1 to 1000, which tell that they are there and run commands, each 10 times a second unless told otherwise; elsewhere than at a private server PORTA_TOKEN is the bridge''s token'
            cand --generate-data 'Instead of a run: fill --db with synthetic channels until it has this size'
            cand --tune-workers 'Instead of one run: the same load on private servers with each of these --workers, in turn, to find the best setting'
            cand --output 'Also write the report to a file, as JSON'
            cand --format 'Print the report for people, or one JSON event a line'
            cand --for-server 'Make a run that a server has begun, and end it when standard input says so or ends'
            cand --method 'HTTP method [default: GET, with a body POST]'
            cand --header 'Header to send, several times for several; @FILE reads them from a file, one a line, since an argument shows in the list of processes'
            cand --body 'Body to send; @FILE reads it from a file'
            cand --template 'Body with places that are filled in anew for each request; @FILE reads it from a file. There are {{number 1..6}}, {{number 0.0..100.0}}, {{counter}}, {{counter 1000}}, {{choice red|green|blue}} and {{uuid}}'
            cand --expect-status 'HTTP status that is a success, several times or with commas for several [default: 200 to 299]'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --dry-run 'Show what would be sent, and send nothing'
            cand -y 'Do not ask before synthetic data goes beside real channels'
            cand --yes 'Do not ask before synthetic data goes beside real channels'
            cand --keep-rows 'Keep the rows that the run has written to a channel of --db, which are deleted after it otherwise'
            cand -q 'Show nothing while it runs'
            cand --quiet 'Show nothing while it runs'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;report'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'List runs, newest first'
            cand show 'Show one run'
            cand compare 'Say whether two runs, or repeats of them, differ'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;report;list'= {
            cand --limit 'Runs to list, 1 to 1000'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;report;show'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;report;compare'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --force 'Compare runs whose configurations differ, too'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;report;help'= {
            cand list 'List runs, newest first'
            cand show 'Show one run'
            cand compare 'Say whether two runs, or repeats of them, differ'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;report;help;list'= {
        }
        &'porta;report;help;show'= {
        }
        &'porta;report;help;compare'= {
        }
        &'porta;report;help;help'= {
        }
        &'porta;criteria'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'List the criteria, what they mean and their thresholds'
            cand check 'Judge this installation: is it still fine, what to tune, is it time to move'
            cand history 'List the checks that were stored, newest first'
            cand checklist 'Go through the list of what has to be done before, while and after moving on from SQLite alone'
            cand init 'Write criteria.toml with the default thresholds and what they mean'
            cand hook-test 'Run the hook and the ping once, whatever the verdict, and show what came of them'
            cand backtest 'Say how often these thresholds would have raised an alarm in the past'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;criteria;list'= {
            cand --config 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;check'= {
            cand --config 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]'
            cand --since 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]'
            cand --run 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]'
            cand --format 'How to print it'
            cand --output 'Write it to a file instead, which is replaced at once'
            cand --hook 'Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is'
            cand --ping 'Address to GET when the verdict changes'
            cand --hook-timeout 'How long the hook and the ping may take each; the process group of the hook is then killed'
            cand --damping 'Consecutive results before a change of the verdict counts for the hook and the ping, 1 to 100 [default: as in criteria.toml, else 2]'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -q 'Print nothing while an OK stays OK'
            cand --quiet 'Print nothing while an OK stays OK'
            cand --no-store 'Do not store the result; then nothing tells whether the next one is a change'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;history'= {
            cand --limit 'Checks to list, 1 to 10000'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;checklist'= {
            cand --config 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]'
            cand --since 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]'
            cand --run 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;init'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;hook-test'= {
            cand --hook 'Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is'
            cand --ping 'Address to GET when the verdict changes'
            cand --hook-timeout 'How long the hook and the ping may take each; the process group of the hook is then killed'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;backtest'= {
            cand --days 'How far back, 1 to 730'
            cand --config 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;criteria;help'= {
            cand list 'List the criteria, what they mean and their thresholds'
            cand check 'Judge this installation: is it still fine, what to tune, is it time to move'
            cand history 'List the checks that were stored, newest first'
            cand checklist 'Go through the list of what has to be done before, while and after moving on from SQLite alone'
            cand init 'Write criteria.toml with the default thresholds and what they mean'
            cand hook-test 'Run the hook and the ping once, whatever the verdict, and show what came of them'
            cand backtest 'Say how often these thresholds would have raised an alarm in the past'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;criteria;help;list'= {
        }
        &'porta;criteria;help;check'= {
        }
        &'porta;criteria;help;history'= {
        }
        &'porta;criteria;help;checklist'= {
        }
        &'porta;criteria;help;init'= {
        }
        &'porta;criteria;help;hook-test'= {
        }
        &'porta;criteria;help;backtest'= {
        }
        &'porta;criteria;help;help'= {
        }
        &'porta;migrate'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --dry-run 'Only say what would be done'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand status 'List the schema''s versions, applied and pending'
            cand backup 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal'
            cand restore 'Put a backup in the place of the database, which is kept beside it; no server may run on it'
            cand verify 'Check that a database is whole, and show what it holds; servers may go on'
            cand plan 'Write the plan for moving on from this installation, with its figures, as Markdown'
            cand import 'Bring entries in from elsewhere'
            cand export 'Write a whole channel as CSV, in the order of time'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;migrate;status'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;backup'= {
            cand --keep 'Name the backup by its time, and delete all but the newest N of those in the folder, 1 to 1000'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;restore'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --yes 'Do not ask'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;verify'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;plan'= {
            cand --config 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]'
            cand --since 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]'
            cand --run 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;import'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand thingspeak 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;migrate;import;thingspeak'= {
            cand --channel 'Channel to add them to'
            cand --timezone 'Time zone of times that name none, such as Europe/Berlin'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --again 'Import it although its first entry is there already'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;import;help'= {
            cand thingspeak 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;migrate;import;help;thingspeak'= {
        }
        &'porta;migrate;import;help;help'= {
        }
        &'porta;migrate;export'= {
            cand --channel 'Channel to export'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;migrate;help'= {
            cand status 'List the schema''s versions, applied and pending'
            cand backup 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal'
            cand restore 'Put a backup in the place of the database, which is kept beside it; no server may run on it'
            cand verify 'Check that a database is whole, and show what it holds; servers may go on'
            cand plan 'Write the plan for moving on from this installation, with its figures, as Markdown'
            cand import 'Bring entries in from elsewhere'
            cand export 'Write a whole channel as CSV, in the order of time'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;migrate;help;status'= {
        }
        &'porta;migrate;help;backup'= {
        }
        &'porta;migrate;help;restore'= {
        }
        &'porta;migrate;help;verify'= {
        }
        &'porta;migrate;help;plan'= {
        }
        &'porta;migrate;help;import'= {
            cand thingspeak 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times'
        }
        &'porta;migrate;help;import;thingspeak'= {
        }
        &'porta;migrate;help;export'= {
        }
        &'porta;migrate;help;help'= {
        }
        &'porta;admin'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand channel 'Channels'
            cand key 'API keys of channels'
            cand token 'Admin bearer tokens'
            cand user 'Accounts of people, who log in with a browser'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;channel'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Create a channel and show its keys, this once'
            cand list 'List all channels'
            cand edit 'Change settings of a channel; what is not named stays'
            cand clear 'Delete all entries of a channel; the next one has the id 1 again'
            cand delete 'Delete a channel, its keys and its entries'
            cand keys 'List the keys of a channel by their first letters'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;channel;create'= {
            cand --id 'Its number, where devices know it under one already [default: the next]'
            cand --description 'What it is for'
            cand --public 'Whether it can be read without a key'
            cand --field 'Label of a field, such as 1=Temperature; without a label (1=) a field does not appear in feeds'
            cand --timezone 'Zone in which times are shown where a request names none, such as Europe/Berlin'
            cand --latitude 'Degrees'
            cand --longitude 'Degrees'
            cand --elevation 'Metres'
            cand --metadata 'Anything you want to note, such as JSON'
            cand --retention 'Delete entries older than this, for example 30d; `all` keeps all'
            cand --update-interval 'Take updates only so far apart, for example 15s; `none` takes all'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;channel;list'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;channel;edit'= {
            cand --name 'Its name'
            cand --description 'What it is for'
            cand --public 'Whether it can be read without a key'
            cand --field 'Label of a field, such as 1=Temperature; without a label (1=) a field does not appear in feeds'
            cand --timezone 'Zone in which times are shown where a request names none, such as Europe/Berlin'
            cand --latitude 'Degrees'
            cand --longitude 'Degrees'
            cand --elevation 'Metres'
            cand --metadata 'Anything you want to note, such as JSON'
            cand --retention 'Delete entries older than this, for example 30d; `all` keeps all'
            cand --update-interval 'Take updates only so far apart, for example 15s; `none` takes all'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;channel;clear'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --yes 'Do not ask'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;channel;delete'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --yes 'Do not ask'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;channel;keys'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;channel;help'= {
            cand create 'Create a channel and show its keys, this once'
            cand list 'List all channels'
            cand edit 'Change settings of a channel; what is not named stays'
            cand clear 'Delete all entries of a channel; the next one has the id 1 again'
            cand delete 'Delete a channel, its keys and its entries'
            cand keys 'List the keys of a channel by their first letters'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;channel;help;create'= {
        }
        &'porta;admin;channel;help;list'= {
        }
        &'porta;admin;channel;help;edit'= {
        }
        &'porta;admin;channel;help;clear'= {
        }
        &'porta;admin;channel;help;delete'= {
        }
        &'porta;admin;channel;help;keys'= {
        }
        &'porta;admin;channel;help;help'= {
        }
        &'porta;admin;key'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Create a key and show it, this once'
            cand rotate 'Put a new key in the place of one, which stops working at once'
            cand revoke 'End a key at once'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;key;create'= {
            cand --kind 'What it opens the channel for'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --key-stdin 'Read a key that devices have already from standard input, instead of making one'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;key;rotate'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;key;revoke'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;key;help'= {
            cand create 'Create a key and show it, this once'
            cand rotate 'Put a new key in the place of one, which stops working at once'
            cand revoke 'End a key at once'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;key;help;create'= {
        }
        &'porta;admin;key;help;rotate'= {
        }
        &'porta;admin;key;help;revoke'= {
        }
        &'porta;admin;key;help;help'= {
        }
        &'porta;admin;token'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Create a token and show it, this once'
            cand list 'List all tokens'
            cand revoke 'End a token'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;token;create'= {
            cand --name 'What to call it'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;token;list'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;token;revoke'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;token;help'= {
            cand create 'Create a token and show it, this once'
            cand list 'List all tokens'
            cand revoke 'End a token'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;token;help;create'= {
        }
        &'porta;admin;token;help;list'= {
        }
        &'porta;admin;token;help;revoke'= {
        }
        &'porta;admin;token;help;help'= {
        }
        &'porta;admin;user'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand create 'Create an account'
            cand list 'List all accounts'
            cand reset-password 'Give an account another password; all its sessions end'
            cand delete 'Delete an account; all its sessions end'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;user;create'= {
            cand --role 'What its owner may do: an admin everything, a viewer see how the server is'
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --password-stdin 'Read the password from standard input, instead of asking for it on the terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;user;list'= {
            cand --format 'How to print it'
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;user;reset-password'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --password-stdin 'Read the password from standard input, instead of asking for it on the terminal'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;user;delete'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand --yes 'Do not ask'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;admin;user;help'= {
            cand create 'Create an account'
            cand list 'List all accounts'
            cand reset-password 'Give an account another password; all its sessions end'
            cand delete 'Delete an account; all its sessions end'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;user;help;create'= {
        }
        &'porta;admin;user;help;list'= {
        }
        &'porta;admin;user;help;reset-password'= {
        }
        &'porta;admin;user;help;delete'= {
        }
        &'porta;admin;user;help;help'= {
        }
        &'porta;admin;help'= {
            cand channel 'Channels'
            cand key 'API keys of channels'
            cand token 'Admin bearer tokens'
            cand user 'Accounts of people, who log in with a browser'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;admin;help;channel'= {
            cand create 'Create a channel and show its keys, this once'
            cand list 'List all channels'
            cand edit 'Change settings of a channel; what is not named stays'
            cand clear 'Delete all entries of a channel; the next one has the id 1 again'
            cand delete 'Delete a channel, its keys and its entries'
            cand keys 'List the keys of a channel by their first letters'
        }
        &'porta;admin;help;channel;create'= {
        }
        &'porta;admin;help;channel;list'= {
        }
        &'porta;admin;help;channel;edit'= {
        }
        &'porta;admin;help;channel;clear'= {
        }
        &'porta;admin;help;channel;delete'= {
        }
        &'porta;admin;help;channel;keys'= {
        }
        &'porta;admin;help;key'= {
            cand create 'Create a key and show it, this once'
            cand rotate 'Put a new key in the place of one, which stops working at once'
            cand revoke 'End a key at once'
        }
        &'porta;admin;help;key;create'= {
        }
        &'porta;admin;help;key;rotate'= {
        }
        &'porta;admin;help;key;revoke'= {
        }
        &'porta;admin;help;token'= {
            cand create 'Create a token and show it, this once'
            cand list 'List all tokens'
            cand revoke 'End a token'
        }
        &'porta;admin;help;token;create'= {
        }
        &'porta;admin;help;token;list'= {
        }
        &'porta;admin;help;token;revoke'= {
        }
        &'porta;admin;help;user'= {
            cand create 'Create an account'
            cand list 'List all accounts'
            cand reset-password 'Give an account another password; all its sessions end'
            cand delete 'Delete an account; all its sessions end'
        }
        &'porta;admin;help;user;create'= {
        }
        &'porta;admin;help;user;list'= {
        }
        &'porta;admin;help;user;reset-password'= {
        }
        &'porta;admin;help;user;delete'= {
        }
        &'porta;admin;help;help'= {
        }
        &'porta;generate'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand completions 'Print the completions of a shell'
            cand man 'Write a man page for every subcommand'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;generate;completions'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;generate;man'= {
            cand --db 'Database file'
            cand --log-level 'What to log on standard error'
            cand --log-format 'How to log'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'porta;generate;help'= {
            cand completions 'Print the completions of a shell'
            cand man 'Write a man page for every subcommand'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;generate;help;completions'= {
        }
        &'porta;generate;help;man'= {
        }
        &'porta;generate;help;help'= {
        }
        &'porta;help'= {
            cand serve 'Answer devices'
            cand stress 'Measure how much load a server takes'
            cand report 'Show what was measured'
            cand criteria 'Judge whether this installation is still fine, what to tune, and when to move on'
            cand migrate 'Bring the database up to date, back it up, restore it; bring channels in and out'
            cand admin 'Manage accounts, channels, their keys and admin tokens in the database'
            cand generate 'Write completions and man pages'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'porta;help;serve'= {
        }
        &'porta;help;stress'= {
        }
        &'porta;help;report'= {
            cand list 'List runs, newest first'
            cand show 'Show one run'
            cand compare 'Say whether two runs, or repeats of them, differ'
        }
        &'porta;help;report;list'= {
        }
        &'porta;help;report;show'= {
        }
        &'porta;help;report;compare'= {
        }
        &'porta;help;criteria'= {
            cand list 'List the criteria, what they mean and their thresholds'
            cand check 'Judge this installation: is it still fine, what to tune, is it time to move'
            cand history 'List the checks that were stored, newest first'
            cand checklist 'Go through the list of what has to be done before, while and after moving on from SQLite alone'
            cand init 'Write criteria.toml with the default thresholds and what they mean'
            cand hook-test 'Run the hook and the ping once, whatever the verdict, and show what came of them'
            cand backtest 'Say how often these thresholds would have raised an alarm in the past'
        }
        &'porta;help;criteria;list'= {
        }
        &'porta;help;criteria;check'= {
        }
        &'porta;help;criteria;history'= {
        }
        &'porta;help;criteria;checklist'= {
        }
        &'porta;help;criteria;init'= {
        }
        &'porta;help;criteria;hook-test'= {
        }
        &'porta;help;criteria;backtest'= {
        }
        &'porta;help;migrate'= {
            cand status 'List the schema''s versions, applied and pending'
            cand backup 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal'
            cand restore 'Put a backup in the place of the database, which is kept beside it; no server may run on it'
            cand verify 'Check that a database is whole, and show what it holds; servers may go on'
            cand plan 'Write the plan for moving on from this installation, with its figures, as Markdown'
            cand import 'Bring entries in from elsewhere'
            cand export 'Write a whole channel as CSV, in the order of time'
        }
        &'porta;help;migrate;status'= {
        }
        &'porta;help;migrate;backup'= {
        }
        &'porta;help;migrate;restore'= {
        }
        &'porta;help;migrate;verify'= {
        }
        &'porta;help;migrate;plan'= {
        }
        &'porta;help;migrate;import'= {
            cand thingspeak 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times'
        }
        &'porta;help;migrate;import;thingspeak'= {
        }
        &'porta;help;migrate;export'= {
        }
        &'porta;help;admin'= {
            cand channel 'Channels'
            cand key 'API keys of channels'
            cand token 'Admin bearer tokens'
            cand user 'Accounts of people, who log in with a browser'
        }
        &'porta;help;admin;channel'= {
            cand create 'Create a channel and show its keys, this once'
            cand list 'List all channels'
            cand edit 'Change settings of a channel; what is not named stays'
            cand clear 'Delete all entries of a channel; the next one has the id 1 again'
            cand delete 'Delete a channel, its keys and its entries'
            cand keys 'List the keys of a channel by their first letters'
        }
        &'porta;help;admin;channel;create'= {
        }
        &'porta;help;admin;channel;list'= {
        }
        &'porta;help;admin;channel;edit'= {
        }
        &'porta;help;admin;channel;clear'= {
        }
        &'porta;help;admin;channel;delete'= {
        }
        &'porta;help;admin;channel;keys'= {
        }
        &'porta;help;admin;key'= {
            cand create 'Create a key and show it, this once'
            cand rotate 'Put a new key in the place of one, which stops working at once'
            cand revoke 'End a key at once'
        }
        &'porta;help;admin;key;create'= {
        }
        &'porta;help;admin;key;rotate'= {
        }
        &'porta;help;admin;key;revoke'= {
        }
        &'porta;help;admin;token'= {
            cand create 'Create a token and show it, this once'
            cand list 'List all tokens'
            cand revoke 'End a token'
        }
        &'porta;help;admin;token;create'= {
        }
        &'porta;help;admin;token;list'= {
        }
        &'porta;help;admin;token;revoke'= {
        }
        &'porta;help;admin;user'= {
            cand create 'Create an account'
            cand list 'List all accounts'
            cand reset-password 'Give an account another password; all its sessions end'
            cand delete 'Delete an account; all its sessions end'
        }
        &'porta;help;admin;user;create'= {
        }
        &'porta;help;admin;user;list'= {
        }
        &'porta;help;admin;user;reset-password'= {
        }
        &'porta;help;admin;user;delete'= {
        }
        &'porta;help;generate'= {
            cand completions 'Print the completions of a shell'
            cand man 'Write a man page for every subcommand'
        }
        &'porta;help;generate;completions'= {
        }
        &'porta;help;generate;man'= {
        }
        &'porta;help;help'= {
        }
    ]
    $completions[$command]
}
