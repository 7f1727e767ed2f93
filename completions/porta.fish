# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_porta_global_optspecs
    string join \n db= log-level= log-format= h/help V/version
end

function __fish_porta_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_porta_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_porta_using_subcommand
    set -l cmd (__fish_porta_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c porta -n "__fish_porta_needs_command" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_needs_command" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_needs_command" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_needs_command" -s V -l version -d 'Print version'
complete -c porta -n "__fish_porta_needs_command" -f -a "serve" -d 'Answer devices'
complete -c porta -n "__fish_porta_needs_command" -f -a "stress" -d 'Measure how much load a server takes'
complete -c porta -n "__fish_porta_needs_command" -f -a "report" -d 'Show what was measured'
complete -c porta -n "__fish_porta_needs_command" -f -a "criteria" -d 'Judge whether this installation is still fine, what to tune, and when to move on'
complete -c porta -n "__fish_porta_needs_command" -f -a "migrate" -d 'Bring the database up to date, back it up, restore it; bring channels in and out'
complete -c porta -n "__fish_porta_needs_command" -f -a "admin" -d 'Manage accounts, channels, their keys and admin tokens in the database'
complete -c porta -n "__fish_porta_needs_command" -f -a "generate" -d 'Write completions and man pages'
complete -c porta -n "__fish_porta_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand serve" -l listen -d 'Address to listen on; port 0 picks a free one, and the first line of the output names it' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l workers -d 'Threads that answer requests, 1 to 256' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l worker-timeout -d 'End a request that takes longer with 503' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l shutdown-timeout -d 'How long accepted requests may take after a stop was asked for' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l root-path -d 'Path below which a proxy serves this, such as /porta; whether it takes the path away before it passes a request on or not' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l trusted-proxy -d 'Addresses of proxies whose X-Forwarded-For, -Proto and -Host are believed, such as 127.0.0.1,::1; nobody else\'s are' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-connections -d 'Open connections; the next is answered with 503 and closed, 1 to 100000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-requests -d 'Requests in flight; the next is answered with 503, 1 to 100000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-queue -d 'Updates that wait for the database; the next is answered with 503, 1 to 100000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-bulk-updates -d 'Bulk updates in flight; the next is answered with 503, 1 to 100000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-head -d 'Head of a request; a longer one is answered with 431, 8KiB to 1MiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-body -d 'Body of a request; a longer one is answered with 413, 1KiB to 1GiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-bulk-body -d 'Body of a bulk update; a longer one is answered with 413, 1KiB to 1GiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-unsent -d 'Answers over 64 KiB that their clients have not taken yet, together; the next is answered with 503, 32MiB to 64GiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l head-timeout -d 'Time for the head of a request to arrive, and of an idle connection' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l body-timeout -d 'Time for a body to arrive; a later one is answered with 408' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l send-timeout -d 'Time for which a client may take nothing of its answer' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l token-file -d 'File with the token that agents present; the variable PORTA_TOKEN is the other way' -r -F
complete -c porta -n "__fish_porta_using_subcommand serve" -l exec -d 'Run commands for agents: none, those that a file permits, or any' -r -f -a "off\t'None'
allowlist\t'Those that a file permits, without a shell'
shell\t'Any, by bash, or by sh where there is none'"
complete -c porta -n "__fish_porta_using_subcommand serve" -l exec-allowlist -d 'The commands that --exec allowlist permits' -r -F
complete -c porta -n "__fish_porta_using_subcommand serve" -l exec-dir -d 'Folder that commands run in, and write to [default: porta-exec beside the database]' -r -F
complete -c porta -n "__fish_porta_using_subcommand serve" -l exec-user -d 'User that commands run as, by name or UID:GID; only root can be another than itself' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l agent-status-ttl -d 'How long it is taken for granted that an agent is registered' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l agent-window -d 'How long an agent counts as active after it was seen' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l agent-retention -d 'How long it is remembered what was done for agents' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l public-url-file -d 'File with the address by which this server is known elsewhere' -r -F
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-commands -d 'Commands and pipelines that run; the next is answered with 503, 1 to 1000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-agent-commands -d 'The same of one agent; the next is answered with 429, 1 to 1000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-pipeline -d 'Commands of a pipeline; a longer one is answered with 422, 1 to 10000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-command-time -d 'Time of a command; to ask for more is answered with 422, at most 1h' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-output -d 'Output of a command, each of its two streams; the rest is thrown away, 1KiB to 8MiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-processes -d 'Processes of all commands together, 8 to 100000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-process-memory -d 'Private memory of one of their processes, 64MiB to 1TiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l max-file -d 'A file that one writes, 1KiB to 1TiB' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l stress-test-max-workers -d 'Connections of a stress test, 1 to 1000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l stress-test-max-rps -d 'Requests a second of a stress test, 1 to 100000' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l stress-test-max-duration -d 'How long a stress test may send, 1s to 24h' -r
complete -c porta -n "__fish_porta_using_subcommand serve" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand serve" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand serve" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand serve" -l no-migrate -d 'Refuse a database with an old schema instead of migrating it'
complete -c porta -n "__fish_porta_using_subcommand serve" -l debug -d 'One worker, web/ read again at every request, a verbose log'
complete -c porta -n "__fish_porta_using_subcommand serve" -l with-parent -d 'Stop when the process that started this one ends'
complete -c porta -n "__fish_porta_using_subcommand serve" -l exec-allow-root -d 'Run commands even as root'
complete -c porta -n "__fish_porta_using_subcommand serve" -l exec-allow-remote -d 'Run commands even when other machines can reach the server'
complete -c porta -n "__fish_porta_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand stress" -l url -d 'Server to measure [default: http://127.0.0.1:8000 when --channel or --api-key is given, else a private server]' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l channel -d 'Channel that the API key belongs to, for the report' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l api-key -d 'Write API key; set PORTA_API_KEY instead, since an argument shows in the list of processes' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l scenario -d 'A load with a name; what is given beside it counts more: baseline (10 workers, 100 rps, 60 s), medium (25, 500, 120 s), high (50, 1000, 60 s), max (100, 5000, 60 s), soak (10, 100, 4 h)' -r -f -a "baseline\t''
medium\t''
high\t''
max\t''
soak\t''"
complete -c porta -n "__fish_porta_using_subcommand stress" -l workers -d 'Connections, 1 to 1000 [default: 10]' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l rps -d 'Requests a second, 1 to 100000, or `max`: each worker sends as soon as it has its answer [default: 100]' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l ramp -d 'Requests a second at the start and at the end, changing in a straight line: 100..5000' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l requests -d 'So many requests, spread evenly over --duration' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l duration -d 'How long to send, 1s to 24h [default: 60s]' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l warm-up -d 'Send for so long before it, at the rate that it begins with, without measuring; up to 1h' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l timeout -d 'How long to wait for an answer, up to 10m' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l fail-on -d 'What has to hold, such as \'p95<200ms\' or \'success>99%\'; exit code 4 if it does not. Can be given several times' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l agents -d 'Be so many agents, 1 to 1000, which tell that they are there and run commands, each 10 times a second unless told otherwise; elsewhere than at a private server PORTA_TOKEN is the bridge\'s token' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l generate-data -d 'Instead of a run: fill --db with synthetic channels until it has this size' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l tune-workers -d 'Instead of one run: the same load on private servers with each of these --workers, in turn, to find the best setting' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l output -d 'Also write the report to a file, as JSON' -r -F
complete -c porta -n "__fish_porta_using_subcommand stress" -l format -d 'Print the report for people, or one JSON event a line' -r -f -a "text\t'For people'
json\t'One JSON event a line: start, progress every second, report'"
complete -c porta -n "__fish_porta_using_subcommand stress" -l for-server -d 'Make a run that a server has begun, and end it when standard input says so or ends' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l method -d 'HTTP method [default: GET, with a body POST]' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l header -d 'Header to send, several times for several; @FILE reads them from a file, one a line, since an argument shows in the list of processes' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l body -d 'Body to send; @FILE reads it from a file' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l template -d 'Body with places that are filled in anew for each request; @FILE reads it from a file. There are {{number 1..6}}, {{number 0.0..100.0}}, {{counter}}, {{counter 1000}}, {{choice red|green|blue}} and {{uuid}}' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l expect-status -d 'HTTP status that is a success, several times or with commas for several [default: 200 to 299]' -r
complete -c porta -n "__fish_porta_using_subcommand stress" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand stress" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand stress" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand stress" -l dry-run -d 'Show what would be sent, and send nothing'
complete -c porta -n "__fish_porta_using_subcommand stress" -s y -l yes -d 'Do not ask before synthetic data goes beside real channels'
complete -c porta -n "__fish_porta_using_subcommand stress" -l keep-rows -d 'Keep the rows that the run has written to a channel of --db, which are deleted after it otherwise'
complete -c porta -n "__fish_porta_using_subcommand stress" -s q -l quiet -d 'Show nothing while it runs'
complete -c porta -n "__fish_porta_using_subcommand stress" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -f -a "list" -d 'List runs, newest first'
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -f -a "show" -d 'Show one run'
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -f -a "compare" -d 'Say whether two runs, or repeats of them, differ'
complete -c porta -n "__fish_porta_using_subcommand report; and not __fish_seen_subcommand_from list show compare help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from list" -l limit -d 'Runs to list, 1 to 1000' -r
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from list" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from list" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from list" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from list" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from show" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from show" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from show" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from show" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from compare" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from compare" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from compare" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from compare" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from compare" -l force -d 'Compare runs whose configurations differ, too'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "list" -d 'List runs, newest first'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one run'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "compare" -d 'Say whether two runs, or repeats of them, differ'
complete -c porta -n "__fish_porta_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "list" -d 'List the criteria, what they mean and their thresholds'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "check" -d 'Judge this installation: is it still fine, what to tune, is it time to move'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "history" -d 'List the checks that were stored, newest first'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "checklist" -d 'Go through the list of what has to be done before, while and after moving on from SQLite alone'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "init" -d 'Write criteria.toml with the default thresholds and what they mean'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "hook-test" -d 'Run the hook and the ping once, whatever the verdict, and show what came of them'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "backtest" -d 'Say how often these thresholds would have raised an alarm in the past'
complete -c porta -n "__fish_porta_using_subcommand criteria; and not __fish_seen_subcommand_from list check history checklist init hook-test backtest help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from list" -l config -d 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from list" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from list" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from list" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from list" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l config -d 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l since -d 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l run -d 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'
nagios\t'One line with performance data, for Nagios, Icinga and others'
prometheus\t'A text file for Prometheus\'s node exporter'
junit\t'For continuous integration'
markdown\t'For a report'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l output -d 'Write it to a file instead, which is replaced at once' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l hook -d 'Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l ping -d 'Address to GET when the verdict changes' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l hook-timeout -d 'How long the hook and the ping may take each; the process group of the hook is then killed' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l damping -d 'Consecutive results before a change of the verdict counts for the hook and the ping, 1 to 100 [default: as in criteria.toml, else 2]' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print nothing while an OK stays OK'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -l no-store -d 'Do not store the result; then nothing tells whether the next one is a change'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from history" -l limit -d 'Checks to list, 1 to 10000' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from history" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from history" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from history" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from history" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l config -d 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l since -d 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l run -d 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'
markdown\t'For a report'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from checklist" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from init" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from init" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from init" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -l hook -d 'Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -l ping -d 'Address to GET when the verdict changes' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -l hook-timeout -d 'How long the hook and the ping may take each; the process group of the hook is then killed' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from hook-test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -l days -d 'How far back, 1 to 730' -r
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -l config -d 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from backtest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the criteria, what they mean and their thresholds'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "check" -d 'Judge this installation: is it still fine, what to tune, is it time to move'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "history" -d 'List the checks that were stored, newest first'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "checklist" -d 'Go through the list of what has to be done before, while and after moving on from SQLite alone'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "init" -d 'Write criteria.toml with the default thresholds and what they mean'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "hook-test" -d 'Run the hook and the ping once, whatever the verdict, and show what came of them'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "backtest" -d 'Say how often these thresholds would have raised an alarm in the past'
complete -c porta -n "__fish_porta_using_subcommand criteria; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -l dry-run -d 'Only say what would be done'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "status" -d 'List the schema\'s versions, applied and pending'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "backup" -d 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "restore" -d 'Put a backup in the place of the database, which is kept beside it; no server may run on it'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "verify" -d 'Check that a database is whole, and show what it holds; servers may go on'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "plan" -d 'Write the plan for moving on from this installation, with its figures, as Markdown'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "import" -d 'Bring entries in from elsewhere'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "export" -d 'Write a whole channel as CSV, in the order of time'
complete -c porta -n "__fish_porta_using_subcommand migrate; and not __fish_seen_subcommand_from status backup restore verify plan import export help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from status" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from status" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from backup" -l keep -d 'Name the backup by its time, and delete all but the newest N of those in the folder, 1 to 1000' -r
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from backup" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from backup" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from backup" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from backup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from restore" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from restore" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from restore" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from restore" -l yes -d 'Do not ask'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from verify" -l format -d 'How to print it' -r -f -a "table\t'For people'
json\t'For programs'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from verify" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from verify" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from verify" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -l config -d 'File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -l since -d 'How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]' -r
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -l run -d 'Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]' -r
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from import" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from import" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from import" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from import" -f -a "thingspeak" -d 'Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from import" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from export" -l channel -d 'Channel to export' -r
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from export" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from export" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from export" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "status" -d 'List the schema\'s versions, applied and pending'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "backup" -d 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Put a backup in the place of the database, which is kept beside it; no server may run on it'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check that a database is whole, and show what it holds; servers may go on'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Write the plan for moving on from this installation, with its figures, as Markdown'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "import" -d 'Bring entries in from elsewhere'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write a whole channel as CSV, in the order of time'
complete -c porta -n "__fish_porta_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -f -a "channel" -d 'Channels'
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -f -a "key" -d 'API keys of channels'
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -f -a "token" -d 'Admin bearer tokens'
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -f -a "user" -d 'Accounts of people, who log in with a browser'
complete -c porta -n "__fish_porta_using_subcommand admin; and not __fish_seen_subcommand_from channel key token user help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "create" -d 'Create a channel and show its keys, this once'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "list" -d 'List all channels'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "edit" -d 'Change settings of a channel; what is not named stays'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "clear" -d 'Delete all entries of a channel; the next one has the id 1 again'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "delete" -d 'Delete a channel, its keys and its entries'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "keys" -d 'List the keys of a channel by their first letters'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from channel" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -f -a "create" -d 'Create a key and show it, this once'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -f -a "rotate" -d 'Put a new key in the place of one, which stops working at once'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -f -a "revoke" -d 'End a key at once'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from key" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -f -a "create" -d 'Create a token and show it, this once'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -f -a "list" -d 'List all tokens'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'End a token'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from token" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "create" -d 'Create an account'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "list" -d 'List all accounts'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "reset-password" -d 'Give an account another password; all its sessions end'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "delete" -d 'Delete an account; all its sessions end'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "channel" -d 'Channels'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "key" -d 'API keys of channels'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "token" -d 'Admin bearer tokens'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "user" -d 'Accounts of people, who log in with a browser'
complete -c porta -n "__fish_porta_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -f -a "completions" -d 'Print the completions of a shell'
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -f -a "man" -d 'Write a man page for every subcommand'
complete -c porta -n "__fish_porta_using_subcommand generate; and not __fish_seen_subcommand_from completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from completions" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from completions" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from completions" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from man" -l db -d 'Database file' -r -F
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from man" -l log-level -d 'What to log on standard error' -r -f -a "off\t'Nothing'
error\t'What failed'
warn\t'What may need attention'
info\t'What happens'
debug\t'What helps to find a fault'
trace\t'Everything'"
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from man" -l log-format -d 'How to log' -r -f -a "text\t'For people'
json\t'One JSON object a line'"
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "completions" -d 'Print the completions of a shell'
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "man" -d 'Write a man page for every subcommand'
complete -c porta -n "__fish_porta_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "serve" -d 'Answer devices'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "stress" -d 'Measure how much load a server takes'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "report" -d 'Show what was measured'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "criteria" -d 'Judge whether this installation is still fine, what to tune, and when to move on'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "migrate" -d 'Bring the database up to date, back it up, restore it; bring channels in and out'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "admin" -d 'Manage accounts, channels, their keys and admin tokens in the database'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "generate" -d 'Write completions and man pages'
complete -c porta -n "__fish_porta_using_subcommand help; and not __fish_seen_subcommand_from serve stress report criteria migrate admin generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "list" -d 'List runs, newest first'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "show" -d 'Show one run'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "compare" -d 'Say whether two runs, or repeats of them, differ'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "list" -d 'List the criteria, what they mean and their thresholds'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "check" -d 'Judge this installation: is it still fine, what to tune, is it time to move'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "history" -d 'List the checks that were stored, newest first'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "checklist" -d 'Go through the list of what has to be done before, while and after moving on from SQLite alone'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "init" -d 'Write criteria.toml with the default thresholds and what they mean'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "hook-test" -d 'Run the hook and the ping once, whatever the verdict, and show what came of them'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from criteria" -f -a "backtest" -d 'Say how often these thresholds would have raised an alarm in the past'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "status" -d 'List the schema\'s versions, applied and pending'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "backup" -d 'Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "restore" -d 'Put a backup in the place of the database, which is kept beside it; no server may run on it'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "verify" -d 'Check that a database is whole, and show what it holds; servers may go on'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "plan" -d 'Write the plan for moving on from this installation, with its figures, as Markdown'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "import" -d 'Bring entries in from elsewhere'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "export" -d 'Write a whole channel as CSV, in the order of time'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "channel" -d 'Channels'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "key" -d 'API keys of channels'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "token" -d 'Admin bearer tokens'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "user" -d 'Accounts of people, who log in with a browser'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "completions" -d 'Print the completions of a shell'
complete -c porta -n "__fish_porta_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "man" -d 'Write a man page for every subcommand'
