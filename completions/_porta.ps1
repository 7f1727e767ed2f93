
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'porta' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'porta'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'porta' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Answer devices')
            [CompletionResult]::new('stress', 'stress', [CompletionResultType]::ParameterValue, 'Measure how much load a server takes')
            [CompletionResult]::new('report', 'report', [CompletionResultType]::ParameterValue, 'Show what was measured')
            [CompletionResult]::new('criteria', 'criteria', [CompletionResultType]::ParameterValue, 'Judge whether this installation is still fine, what to tune, and when to move on')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Bring the database up to date, back it up, restore it; bring channels in and out')
            [CompletionResult]::new('admin', 'admin', [CompletionResultType]::ParameterValue, 'Manage accounts, channels, their keys and admin tokens in the database')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Write completions and man pages')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;serve' {
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Address to listen on; port 0 picks a free one, and the first line of the output names it')
            [CompletionResult]::new('--workers', '--workers', [CompletionResultType]::ParameterName, 'Threads that answer requests, 1 to 256')
            [CompletionResult]::new('--worker-timeout', '--worker-timeout', [CompletionResultType]::ParameterName, 'End a request that takes longer with 503')
            [CompletionResult]::new('--shutdown-timeout', '--shutdown-timeout', [CompletionResultType]::ParameterName, 'How long accepted requests may take after a stop was asked for')
            [CompletionResult]::new('--root-path', '--root-path', [CompletionResultType]::ParameterName, 'Path below which a proxy serves this, such as /porta; whether it takes the path away before it passes a request on or not')
            [CompletionResult]::new('--trusted-proxy', '--trusted-proxy', [CompletionResultType]::ParameterName, 'Addresses of proxies whose X-Forwarded-For, -Proto and -Host are believed, such as 127.0.0.1,::1; nobody else''s are')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Open connections; the next is answered with 503 and closed, 1 to 100000')
            [CompletionResult]::new('--max-requests', '--max-requests', [CompletionResultType]::ParameterName, 'Requests in flight; the next is answered with 503, 1 to 100000')
            [CompletionResult]::new('--max-queue', '--max-queue', [CompletionResultType]::ParameterName, 'Updates that wait for the database; the next is answered with 503, 1 to 100000')
            [CompletionResult]::new('--max-bulk-updates', '--max-bulk-updates', [CompletionResultType]::ParameterName, 'Bulk updates in flight; the next is answered with 503, 1 to 100000')
            [CompletionResult]::new('--max-head', '--max-head', [CompletionResultType]::ParameterName, 'Head of a request; a longer one is answered with 431, 8KiB to 1MiB')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'Body of a request; a longer one is answered with 413, 1KiB to 1GiB')
            [CompletionResult]::new('--max-bulk-body', '--max-bulk-body', [CompletionResultType]::ParameterName, 'Body of a bulk update; a longer one is answered with 413, 1KiB to 1GiB')
            [CompletionResult]::new('--max-unsent', '--max-unsent', [CompletionResultType]::ParameterName, 'Answers over 64 KiB that their clients have not taken yet, together; the next is answered with 503, 32MiB to 64GiB')
            [CompletionResult]::new('--head-timeout', '--head-timeout', [CompletionResultType]::ParameterName, 'Time for the head of a request to arrive, and of an idle connection')
            [CompletionResult]::new('--body-timeout', '--body-timeout', [CompletionResultType]::ParameterName, 'Time for a body to arrive; a later one is answered with 408')
            [CompletionResult]::new('--send-timeout', '--send-timeout', [CompletionResultType]::ParameterName, 'Time for which a client may take nothing of its answer')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'File with the token that agents present; the variable PORTA_TOKEN is the other way')
            [CompletionResult]::new('--exec', '--exec', [CompletionResultType]::ParameterName, 'Run commands for agents: none, those that a file permits, or any')
            [CompletionResult]::new('--exec-allowlist', '--exec-allowlist', [CompletionResultType]::ParameterName, 'The commands that --exec allowlist permits')
            [CompletionResult]::new('--exec-dir', '--exec-dir', [CompletionResultType]::ParameterName, 'Folder that commands run in, and write to [default: porta-exec beside the database]')
            [CompletionResult]::new('--exec-user', '--exec-user', [CompletionResultType]::ParameterName, 'User that commands run as, by name or UID:GID; only root can be another than itself')
            [CompletionResult]::new('--agent-status-ttl', '--agent-status-ttl', [CompletionResultType]::ParameterName, 'How long it is taken for granted that an agent is registered')
            [CompletionResult]::new('--agent-window', '--agent-window', [CompletionResultType]::ParameterName, 'How long an agent counts as active after it was seen')
            [CompletionResult]::new('--agent-retention', '--agent-retention', [CompletionResultType]::ParameterName, 'How long it is remembered what was done for agents')
            [CompletionResult]::new('--public-url-file', '--public-url-file', [CompletionResultType]::ParameterName, 'File with the address by which this server is known elsewhere')
            [CompletionResult]::new('--max-commands', '--max-commands', [CompletionResultType]::ParameterName, 'Commands and pipelines that run; the next is answered with 503, 1 to 1000')
            [CompletionResult]::new('--max-agent-commands', '--max-agent-commands', [CompletionResultType]::ParameterName, 'The same of one agent; the next is answered with 429, 1 to 1000')
            [CompletionResult]::new('--max-pipeline', '--max-pipeline', [CompletionResultType]::ParameterName, 'Commands of a pipeline; a longer one is answered with 422, 1 to 10000')
            [CompletionResult]::new('--max-command-time', '--max-command-time', [CompletionResultType]::ParameterName, 'Time of a command; to ask for more is answered with 422, at most 1h')
            [CompletionResult]::new('--max-output', '--max-output', [CompletionResultType]::ParameterName, 'Output of a command, each of its two streams; the rest is thrown away, 1KiB to 8MiB')
            [CompletionResult]::new('--max-processes', '--max-processes', [CompletionResultType]::ParameterName, 'Processes of all commands together, 8 to 100000')
            [CompletionResult]::new('--max-process-memory', '--max-process-memory', [CompletionResultType]::ParameterName, 'Private memory of one of their processes, 64MiB to 1TiB')
            [CompletionResult]::new('--max-file', '--max-file', [CompletionResultType]::ParameterName, 'A file that one writes, 1KiB to 1TiB')
            [CompletionResult]::new('--stress-test-max-workers', '--stress-test-max-workers', [CompletionResultType]::ParameterName, 'Connections of a stress test, 1 to 1000')
            [CompletionResult]::new('--stress-test-max-rps', '--stress-test-max-rps', [CompletionResultType]::ParameterName, 'Requests a second of a stress test, 1 to 100000')
            [CompletionResult]::new('--stress-test-max-duration', '--stress-test-max-duration', [CompletionResultType]::ParameterName, 'How long a stress test may send, 1s to 24h')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--no-migrate', '--no-migrate', [CompletionResultType]::ParameterName, 'Refuse a database with an old schema instead of migrating it')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'One worker, web/ read again at every request, a verbose log')
            [CompletionResult]::new('--with-parent', '--with-parent', [CompletionResultType]::ParameterName, 'Stop when the process that started this one ends')
            [CompletionResult]::new('--exec-allow-root', '--exec-allow-root', [CompletionResultType]::ParameterName, 'Run commands even as root')
            [CompletionResult]::new('--exec-allow-remote', '--exec-allow-remote', [CompletionResultType]::ParameterName, 'Run commands even when other machines can reach the server')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;stress' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Server to measure [default: http://127.0.0.1:8000 when --channel or --api-key is given, else a private server]')
            [CompletionResult]::new('--channel', '--channel', [CompletionResultType]::ParameterName, 'Channel that the API key belongs to, for the report')
            [CompletionResult]::new('--api-key', '--api-key', [CompletionResultType]::ParameterName, 'Write API key; set PORTA_API_KEY instead, since an argument shows in the list of processes')
            [CompletionResult]::new('--scenario', '--scenario', [CompletionResultType]::ParameterName, 'A load with a name; what is given beside it counts more: baseline (10 workers, 100 rps, 60 s), medium (25, 500, 120 s), high (50, 1000, 60 s), max (100, 5000, 60 s), soak (10, 100, 4 h)')
            [CompletionResult]::new('--workers', '--workers', [CompletionResultType]::ParameterName, 'Connections, 1 to 1000 [default: 10]')
            [CompletionResult]::new('--rps', '--rps', [CompletionResultType]::ParameterName, 'Requests a second, 1 to 100000, or `max`: each worker sends as soon as it has its answer [default: 100]')
            [CompletionResult]::new('--ramp', '--ramp', [CompletionResultType]::ParameterName, 'Requests a second at the start and at the end, changing in a straight line: 100..5000')
            [CompletionResult]::new('--requests', '--requests', [CompletionResultType]::ParameterName, 'So many requests, spread evenly over --duration')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'How long to send, 1s to 24h [default: 60s]')
            [CompletionResult]::new('--warm-up', '--warm-up', [CompletionResultType]::ParameterName, 'Send for so long before it, at the rate that it begins with, without measuring; up to 1h')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for an answer, up to 10m')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'What has to hold, such as ''p95<200ms'' or ''success>99%''; exit code 4 if it does not. Can be given several times')
            [CompletionResult]::new('--agents', '--agents', [CompletionResultType]::ParameterName, 'Be so many agents, 1 to 1000, which tell that they are there and run commands, each 10 times a second unless told otherwise; elsewhere than at a private server PORTA_TOKEN is the bridge''s token')
            [CompletionResult]::new('--generate-data', '--generate-data', [CompletionResultType]::ParameterName, 'Instead of a run: fill --db with synthetic channels until it has this size')
            [CompletionResult]::new('--tune-workers', '--tune-workers', [CompletionResultType]::ParameterName, 'Instead of one run: the same load on private servers with each of these --workers, in turn, to find the best setting')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Also write the report to a file, as JSON')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print the report for people, or one JSON event a line')
            [CompletionResult]::new('--for-server', '--for-server', [CompletionResultType]::ParameterName, 'Make a run that a server has begun, and end it when standard input says so or ends')
            [CompletionResult]::new('--method', '--method', [CompletionResultType]::ParameterName, 'HTTP method [default: GET, with a body POST]')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Header to send, several times for several; @FILE reads them from a file, one a line, since an argument shows in the list of processes')
            [CompletionResult]::new('--body', '--body', [CompletionResultType]::ParameterName, 'Body to send; @FILE reads it from a file')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Body with places that are filled in anew for each request; @FILE reads it from a file. There are {{number 1..6}}, {{number 0.0..100.0}}, {{counter}}, {{counter 1000}}, {{choice red|green|blue}} and {{uuid}}')
            [CompletionResult]::new('--expect-status', '--expect-status', [CompletionResultType]::ParameterName, 'HTTP status that is a success, several times or with commas for several [default: 200 to 299]')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be sent, and send nothing')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before synthetic data goes beside real channels')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before synthetic data goes beside real channels')
            [CompletionResult]::new('--keep-rows', '--keep-rows', [CompletionResultType]::ParameterName, 'Keep the rows that the run has written to a channel of --db, which are deleted after it otherwise')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show nothing while it runs')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show nothing while it runs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;report' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List runs, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one run')
            [CompletionResult]::new('compare', 'compare', [CompletionResultType]::ParameterValue, 'Say whether two runs, or repeats of them, differ')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;report;list' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Runs to list, 1 to 1000')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;report;show' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;report;compare' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Compare runs whose configurations differ, too')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;report;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List runs, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one run')
            [CompletionResult]::new('compare', 'compare', [CompletionResultType]::ParameterValue, 'Say whether two runs, or repeats of them, differ')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;report;help;list' {
            break
        }
        'porta;report;help;show' {
            break
        }
        'porta;report;help;compare' {
            break
        }
        'porta;report;help;help' {
            break
        }
        'porta;criteria' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the criteria, what they mean and their thresholds')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Judge this installation: is it still fine, what to tune, is it time to move')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'List the checks that were stored, newest first')
            [CompletionResult]::new('checklist', 'checklist', [CompletionResultType]::ParameterValue, 'Go through the list of what has to be done before, while and after moving on from SQLite alone')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write criteria.toml with the default thresholds and what they mean')
            [CompletionResult]::new('hook-test', 'hook-test', [CompletionResultType]::ParameterValue, 'Run the hook and the ping once, whatever the verdict, and show what came of them')
            [CompletionResult]::new('backtest', 'backtest', [CompletionResultType]::ParameterValue, 'Say how often these thresholds would have raised an alarm in the past')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;criteria;list' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;check' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write it to a file instead, which is replaced at once')
            [CompletionResult]::new('--hook', '--hook', [CompletionResultType]::ParameterName, 'Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is')
            [CompletionResult]::new('--ping', '--ping', [CompletionResultType]::ParameterName, 'Address to GET when the verdict changes')
            [CompletionResult]::new('--hook-timeout', '--hook-timeout', [CompletionResultType]::ParameterName, 'How long the hook and the ping may take each; the process group of the hook is then killed')
            [CompletionResult]::new('--damping', '--damping', [CompletionResultType]::ParameterName, 'Consecutive results before a change of the verdict counts for the hook and the ping, 1 to 100 [default: as in criteria.toml, else 2]')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing while an OK stays OK')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing while an OK stays OK')
            [CompletionResult]::new('--no-store', '--no-store', [CompletionResultType]::ParameterName, 'Do not store the result; then nothing tells whether the next one is a change')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;history' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Checks to list, 1 to 10000')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;checklist' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;init' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;hook-test' {
            [CompletionResult]::new('--hook', '--hook', [CompletionResultType]::ParameterName, 'Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is')
            [CompletionResult]::new('--ping', '--ping', [CompletionResultType]::ParameterName, 'Address to GET when the verdict changes')
            [CompletionResult]::new('--hook-timeout', '--hook-timeout', [CompletionResultType]::ParameterName, 'How long the hook and the ping may take each; the process group of the hook is then killed')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;backtest' {
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'How far back, 1 to 730')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;criteria;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the criteria, what they mean and their thresholds')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Judge this installation: is it still fine, what to tune, is it time to move')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'List the checks that were stored, newest first')
            [CompletionResult]::new('checklist', 'checklist', [CompletionResultType]::ParameterValue, 'Go through the list of what has to be done before, while and after moving on from SQLite alone')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write criteria.toml with the default thresholds and what they mean')
            [CompletionResult]::new('hook-test', 'hook-test', [CompletionResultType]::ParameterValue, 'Run the hook and the ping once, whatever the verdict, and show what came of them')
            [CompletionResult]::new('backtest', 'backtest', [CompletionResultType]::ParameterValue, 'Say how often these thresholds would have raised an alarm in the past')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;criteria;help;list' {
            break
        }
        'porta;criteria;help;check' {
            break
        }
        'porta;criteria;help;history' {
            break
        }
        'porta;criteria;help;checklist' {
            break
        }
        'porta;criteria;help;init' {
            break
        }
        'porta;criteria;help;hook-test' {
            break
        }
        'porta;criteria;help;backtest' {
            break
        }
        'porta;criteria;help;help' {
            break
        }
        'porta;migrate' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only say what would be done')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'List the schema''s versions, applied and pending')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put a backup in the place of the database, which is kept beside it; no server may run on it')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that a database is whole, and show what it holds; servers may go on')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Write the plan for moving on from this installation, with its figures, as Markdown')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Bring entries in from elsewhere')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write a whole channel as CSV, in the order of time')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;migrate;status' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;backup' {
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Name the backup by its time, and delete all but the newest N of those in the folder, 1 to 1000')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;restore' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;verify' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;plan' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;import' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('thingspeak', 'thingspeak', [CompletionResultType]::ParameterValue, 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;migrate;import;thingspeak' {
            [CompletionResult]::new('--channel', '--channel', [CompletionResultType]::ParameterName, 'Channel to add them to')
            [CompletionResult]::new('--timezone', '--timezone', [CompletionResultType]::ParameterName, 'Time zone of times that name none, such as Europe/Berlin')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--again', '--again', [CompletionResultType]::ParameterName, 'Import it although its first entry is there already')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;import;help' {
            [CompletionResult]::new('thingspeak', 'thingspeak', [CompletionResultType]::ParameterValue, 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;migrate;import;help;thingspeak' {
            break
        }
        'porta;migrate;import;help;help' {
            break
        }
        'porta;migrate;export' {
            [CompletionResult]::new('--channel', '--channel', [CompletionResultType]::ParameterName, 'Channel to export')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;migrate;help' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'List the schema''s versions, applied and pending')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put a backup in the place of the database, which is kept beside it; no server may run on it')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that a database is whole, and show what it holds; servers may go on')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Write the plan for moving on from this installation, with its figures, as Markdown')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Bring entries in from elsewhere')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write a whole channel as CSV, in the order of time')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;migrate;help;status' {
            break
        }
        'porta;migrate;help;backup' {
            break
        }
        'porta;migrate;help;restore' {
            break
        }
        'porta;migrate;help;verify' {
            break
        }
        'porta;migrate;help;plan' {
            break
        }
        'porta;migrate;help;import' {
            [CompletionResult]::new('thingspeak', 'thingspeak', [CompletionResultType]::ParameterValue, 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times')
            break
        }
        'porta;migrate;help;import;thingspeak' {
            break
        }
        'porta;migrate;help;export' {
            break
        }
        'porta;migrate;help;help' {
            break
        }
        'porta;admin' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('channel', 'channel', [CompletionResultType]::ParameterValue, 'Channels')
            [CompletionResult]::new('key', 'key', [CompletionResultType]::ParameterValue, 'API keys of channels')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Admin bearer tokens')
            [CompletionResult]::new('user', 'user', [CompletionResultType]::ParameterValue, 'Accounts of people, who log in with a browser')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;channel' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a channel and show its keys, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all channels')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change settings of a channel; what is not named stays')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Delete all entries of a channel; the next one has the id 1 again')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete a channel, its keys and its entries')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'List the keys of a channel by their first letters')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;channel;create' {
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Its number, where devices know it under one already [default: the next]')
            [CompletionResult]::new('--description', '--description', [CompletionResultType]::ParameterName, 'What it is for')
            [CompletionResult]::new('--public', '--public', [CompletionResultType]::ParameterName, 'Whether it can be read without a key')
            [CompletionResult]::new('--field', '--field', [CompletionResultType]::ParameterName, 'Label of a field, such as 1=Temperature; without a label (1=) a field does not appear in feeds')
            [CompletionResult]::new('--timezone', '--timezone', [CompletionResultType]::ParameterName, 'Zone in which times are shown where a request names none, such as Europe/Berlin')
            [CompletionResult]::new('--latitude', '--latitude', [CompletionResultType]::ParameterName, 'Degrees')
            [CompletionResult]::new('--longitude', '--longitude', [CompletionResultType]::ParameterName, 'Degrees')
            [CompletionResult]::new('--elevation', '--elevation', [CompletionResultType]::ParameterName, 'Metres')
            [CompletionResult]::new('--metadata', '--metadata', [CompletionResultType]::ParameterName, 'Anything you want to note, such as JSON')
            [CompletionResult]::new('--retention', '--retention', [CompletionResultType]::ParameterName, 'Delete entries older than this, for example 30d; `all` keeps all')
            [CompletionResult]::new('--update-interval', '--update-interval', [CompletionResultType]::ParameterName, 'Take updates only so far apart, for example 15s; `none` takes all')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;channel;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;channel;edit' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Its name')
            [CompletionResult]::new('--description', '--description', [CompletionResultType]::ParameterName, 'What it is for')
            [CompletionResult]::new('--public', '--public', [CompletionResultType]::ParameterName, 'Whether it can be read without a key')
            [CompletionResult]::new('--field', '--field', [CompletionResultType]::ParameterName, 'Label of a field, such as 1=Temperature; without a label (1=) a field does not appear in feeds')
            [CompletionResult]::new('--timezone', '--timezone', [CompletionResultType]::ParameterName, 'Zone in which times are shown where a request names none, such as Europe/Berlin')
            [CompletionResult]::new('--latitude', '--latitude', [CompletionResultType]::ParameterName, 'Degrees')
            [CompletionResult]::new('--longitude', '--longitude', [CompletionResultType]::ParameterName, 'Degrees')
            [CompletionResult]::new('--elevation', '--elevation', [CompletionResultType]::ParameterName, 'Metres')
            [CompletionResult]::new('--metadata', '--metadata', [CompletionResultType]::ParameterName, 'Anything you want to note, such as JSON')
            [CompletionResult]::new('--retention', '--retention', [CompletionResultType]::ParameterName, 'Delete entries older than this, for example 30d; `all` keeps all')
            [CompletionResult]::new('--update-interval', '--update-interval', [CompletionResultType]::ParameterName, 'Take updates only so far apart, for example 15s; `none` takes all')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;channel;clear' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;channel;delete' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;channel;keys' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;channel;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a channel and show its keys, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all channels')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change settings of a channel; what is not named stays')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Delete all entries of a channel; the next one has the id 1 again')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete a channel, its keys and its entries')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'List the keys of a channel by their first letters')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;channel;help;create' {
            break
        }
        'porta;admin;channel;help;list' {
            break
        }
        'porta;admin;channel;help;edit' {
            break
        }
        'porta;admin;channel;help;clear' {
            break
        }
        'porta;admin;channel;help;delete' {
            break
        }
        'porta;admin;channel;help;keys' {
            break
        }
        'porta;admin;channel;help;help' {
            break
        }
        'porta;admin;key' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a key and show it, this once')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Put a new key in the place of one, which stops working at once')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a key at once')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;key;create' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What it opens the channel for')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--key-stdin', '--key-stdin', [CompletionResultType]::ParameterName, 'Read a key that devices have already from standard input, instead of making one')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;key;rotate' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;key;revoke' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;key;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a key and show it, this once')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Put a new key in the place of one, which stops working at once')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a key at once')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;key;help;create' {
            break
        }
        'porta;admin;key;help;rotate' {
            break
        }
        'porta;admin;key;help;revoke' {
            break
        }
        'porta;admin;key;help;help' {
            break
        }
        'porta;admin;token' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a token and show it, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all tokens')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a token')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;token;create' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'What to call it')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;token;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;token;revoke' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;token;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a token and show it, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all tokens')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a token')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;token;help;create' {
            break
        }
        'porta;admin;token;help;list' {
            break
        }
        'porta;admin;token;help;revoke' {
            break
        }
        'porta;admin;token;help;help' {
            break
        }
        'porta;admin;user' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create an account')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all accounts')
            [CompletionResult]::new('reset-password', 'reset-password', [CompletionResultType]::ParameterValue, 'Give an account another password; all its sessions end')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete an account; all its sessions end')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;user;create' {
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'What its owner may do: an admin everything, a viewer see how the server is')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password from standard input, instead of asking for it on the terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;user;list' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to print it')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;user;reset-password' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password from standard input, instead of asking for it on the terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;user;delete' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;admin;user;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create an account')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all accounts')
            [CompletionResult]::new('reset-password', 'reset-password', [CompletionResultType]::ParameterValue, 'Give an account another password; all its sessions end')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete an account; all its sessions end')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;user;help;create' {
            break
        }
        'porta;admin;user;help;list' {
            break
        }
        'porta;admin;user;help;reset-password' {
            break
        }
        'porta;admin;user;help;delete' {
            break
        }
        'porta;admin;user;help;help' {
            break
        }
        'porta;admin;help' {
            [CompletionResult]::new('channel', 'channel', [CompletionResultType]::ParameterValue, 'Channels')
            [CompletionResult]::new('key', 'key', [CompletionResultType]::ParameterValue, 'API keys of channels')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Admin bearer tokens')
            [CompletionResult]::new('user', 'user', [CompletionResultType]::ParameterValue, 'Accounts of people, who log in with a browser')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;admin;help;channel' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a channel and show its keys, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all channels')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change settings of a channel; what is not named stays')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Delete all entries of a channel; the next one has the id 1 again')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete a channel, its keys and its entries')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'List the keys of a channel by their first letters')
            break
        }
        'porta;admin;help;channel;create' {
            break
        }
        'porta;admin;help;channel;list' {
            break
        }
        'porta;admin;help;channel;edit' {
            break
        }
        'porta;admin;help;channel;clear' {
            break
        }
        'porta;admin;help;channel;delete' {
            break
        }
        'porta;admin;help;channel;keys' {
            break
        }
        'porta;admin;help;key' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a key and show it, this once')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Put a new key in the place of one, which stops working at once')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a key at once')
            break
        }
        'porta;admin;help;key;create' {
            break
        }
        'porta;admin;help;key;rotate' {
            break
        }
        'porta;admin;help;key;revoke' {
            break
        }
        'porta;admin;help;token' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a token and show it, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all tokens')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a token')
            break
        }
        'porta;admin;help;token;create' {
            break
        }
        'porta;admin;help;token;list' {
            break
        }
        'porta;admin;help;token;revoke' {
            break
        }
        'porta;admin;help;user' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create an account')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all accounts')
            [CompletionResult]::new('reset-password', 'reset-password', [CompletionResultType]::ParameterValue, 'Give an account another password; all its sessions end')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete an account; all its sessions end')
            break
        }
        'porta;admin;help;user;create' {
            break
        }
        'porta;admin;help;user;list' {
            break
        }
        'porta;admin;help;user;reset-password' {
            break
        }
        'porta;admin;help;user;delete' {
            break
        }
        'porta;admin;help;help' {
            break
        }
        'porta;generate' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write a man page for every subcommand')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;generate;completions' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;generate;man' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'Database file')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'What to log on standard error')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How to log')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'porta;generate;help' {
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write a man page for every subcommand')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;generate;help;completions' {
            break
        }
        'porta;generate;help;man' {
            break
        }
        'porta;generate;help;help' {
            break
        }
        'porta;help' {
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Answer devices')
            [CompletionResult]::new('stress', 'stress', [CompletionResultType]::ParameterValue, 'Measure how much load a server takes')
            [CompletionResult]::new('report', 'report', [CompletionResultType]::ParameterValue, 'Show what was measured')
            [CompletionResult]::new('criteria', 'criteria', [CompletionResultType]::ParameterValue, 'Judge whether this installation is still fine, what to tune, and when to move on')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Bring the database up to date, back it up, restore it; bring channels in and out')
            [CompletionResult]::new('admin', 'admin', [CompletionResultType]::ParameterValue, 'Manage accounts, channels, their keys and admin tokens in the database')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Write completions and man pages')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'porta;help;serve' {
            break
        }
        'porta;help;stress' {
            break
        }
        'porta;help;report' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List runs, newest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one run')
            [CompletionResult]::new('compare', 'compare', [CompletionResultType]::ParameterValue, 'Say whether two runs, or repeats of them, differ')
            break
        }
        'porta;help;report;list' {
            break
        }
        'porta;help;report;show' {
            break
        }
        'porta;help;report;compare' {
            break
        }
        'porta;help;criteria' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the criteria, what they mean and their thresholds')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Judge this installation: is it still fine, what to tune, is it time to move')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'List the checks that were stored, newest first')
            [CompletionResult]::new('checklist', 'checklist', [CompletionResultType]::ParameterValue, 'Go through the list of what has to be done before, while and after moving on from SQLite alone')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write criteria.toml with the default thresholds and what they mean')
            [CompletionResult]::new('hook-test', 'hook-test', [CompletionResultType]::ParameterValue, 'Run the hook and the ping once, whatever the verdict, and show what came of them')
            [CompletionResult]::new('backtest', 'backtest', [CompletionResultType]::ParameterValue, 'Say how often these thresholds would have raised an alarm in the past')
            break
        }
        'porta;help;criteria;list' {
            break
        }
        'porta;help;criteria;check' {
            break
        }
        'porta;help;criteria;history' {
            break
        }
        'porta;help;criteria;checklist' {
            break
        }
        'porta;help;criteria;init' {
            break
        }
        'porta;help;criteria;hook-test' {
            break
        }
        'porta;help;criteria;backtest' {
            break
        }
        'porta;help;migrate' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'List the schema''s versions, applied and pending')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put a backup in the place of the database, which is kept beside it; no server may run on it')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that a database is whole, and show what it holds; servers may go on')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Write the plan for moving on from this installation, with its figures, as Markdown')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Bring entries in from elsewhere')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write a whole channel as CSV, in the order of time')
            break
        }
        'porta;help;migrate;status' {
            break
        }
        'porta;help;migrate;backup' {
            break
        }
        'porta;help;migrate;restore' {
            break
        }
        'porta;help;migrate;verify' {
            break
        }
        'porta;help;migrate;plan' {
            break
        }
        'porta;help;migrate;import' {
            [CompletionResult]::new('thingspeak', 'thingspeak', [CompletionResultType]::ParameterValue, 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times')
            break
        }
        'porta;help;migrate;import;thingspeak' {
            break
        }
        'porta;help;migrate;export' {
            break
        }
        'porta;help;admin' {
            [CompletionResult]::new('channel', 'channel', [CompletionResultType]::ParameterValue, 'Channels')
            [CompletionResult]::new('key', 'key', [CompletionResultType]::ParameterValue, 'API keys of channels')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Admin bearer tokens')
            [CompletionResult]::new('user', 'user', [CompletionResultType]::ParameterValue, 'Accounts of people, who log in with a browser')
            break
        }
        'porta;help;admin;channel' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a channel and show its keys, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all channels')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change settings of a channel; what is not named stays')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Delete all entries of a channel; the next one has the id 1 again')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete a channel, its keys and its entries')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'List the keys of a channel by their first letters')
            break
        }
        'porta;help;admin;channel;create' {
            break
        }
        'porta;help;admin;channel;list' {
            break
        }
        'porta;help;admin;channel;edit' {
            break
        }
        'porta;help;admin;channel;clear' {
            break
        }
        'porta;help;admin;channel;delete' {
            break
        }
        'porta;help;admin;channel;keys' {
            break
        }
        'porta;help;admin;key' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a key and show it, this once')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Put a new key in the place of one, which stops working at once')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a key at once')
            break
        }
        'porta;help;admin;key;create' {
            break
        }
        'porta;help;admin;key;rotate' {
            break
        }
        'porta;help;admin;key;revoke' {
            break
        }
        'porta;help;admin;token' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create a token and show it, this once')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all tokens')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a token')
            break
        }
        'porta;help;admin;token;create' {
            break
        }
        'porta;help;admin;token;list' {
            break
        }
        'porta;help;admin;token;revoke' {
            break
        }
        'porta;help;admin;user' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Create an account')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List all accounts')
            [CompletionResult]::new('reset-password', 'reset-password', [CompletionResultType]::ParameterValue, 'Give an account another password; all its sessions end')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete an account; all its sessions end')
            break
        }
        'porta;help;admin;user;create' {
            break
        }
        'porta;help;admin;user;list' {
            break
        }
        'porta;help;admin;user;reset-password' {
            break
        }
        'porta;help;admin;user;delete' {
            break
        }
        'porta;help;generate' {
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write a man page for every subcommand')
            break
        }
        'porta;help;generate;completions' {
            break
        }
        'porta;help;generate;man' {
            break
        }
        'porta;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
