"""What the dashboards ask. `python -m deploy.grafana` writes them; a test holds the files to this."""

from deploy.grafana.panel import Board, Panel

QUEUES = Board(
    "queues",
    "Switchyard: queues",
    variable="queue",
    of="switchyard_queue_objective_seconds",
    panels=(
        Panel(
            "Which queue is growing?",
            "Messages that wait for a worker. A line that rises is a queue that gets more than it does.",
            {"{{queue}}": 'switchyard:queue_backlog:messages{queue=~"$queue"}'},
        ),
        Panel(
            "Since when, and how fast?",
            "The slope of the last minute, in messages a second: above 0 it grows.",
            {"{{queue}}": 'switchyard:queue_growth:per_second{queue=~"$queue"}'},
            "cps",
        ),
        Panel(
            "When will it be empty?",
            "What waits and runs, divided by how fast that shrinks.",
            {"{{queue}}": 'switchyard:queue_drain:seconds{queue=~"$queue"}'},
            "s",
            empty="A gap is infinity: the queue does not shrink.",
        ),
        Panel(
            "How long does work wait, and how long may it?",
            "As a canary meets it on the way of every task, beside the objective (app/queues.py).",
            {
                "{{queue}}": 'max by (queue) (switchyard_queue_oldest_wait_seconds{queue=~"$queue"})',
                "{{queue}} may": 'switchyard:queue_objective:seconds{queue=~"$queue"}',
            },
            "s",
        ),
        Panel(
            "What comes, and what is done?",
            "Messages a second. Where more comes than is done the difference waits.",
            {
                "{{queue}} comes": 'max by (queue) (switchyard_queue_publish_rate{queue=~"$queue"})',
                "{{queue}} done": 'max by (queue) (switchyard_queue_ack_rate{queue=~"$queue"})',
            },
            "cps",
        ),
        Panel(
            "Who works on it, and how many should?",
            "Workers that are connected, beside what their Deployment wants.",
            {
                "{{queue}}": 'switchyard:queue_consumers:count{queue=~"$queue"}',
                "{{queue}} wanted": 'switchyard:queue_workers_wanted:replicas{queue=~"$queue"}',
            },
        ),
        Panel(
            "When will the wait objective be broken?",
            "Seconds until who arrives waits longer than the objective; 0: it is so now.",
            {"{{queue}}": 'max by (queue) (switchyard_queue_objective_breach_seconds{queue=~"$queue"})'},
            "s",
            empty="A gap is infinity: it will not be at the present slope.",
        ),
        Panel(
            "How fast does the month's allowance burn (1: it lasts the month)?",
            "In 1 % of the time waits may be longer. At 14.4 that is gone in two days.",
            {
                "{{queue}} 1h": 'switchyard:queue_wait_broken:ratio1h{queue=~"$queue"} / 0.01',
                "{{queue}} 6h": 'switchyard:queue_wait_broken:ratio6h{queue=~"$queue"} / 0.01',
            },
            empty="Empty for the first five minutes.",
        ),
        Panel(
            "What waits for a later time?",
            "Retries and countdowns, of all queues together. They are in no queue's backlog.",
            {"retries and countdowns": "max(switchyard_delayed_messages)"},
        ),
        Panel(
            "What has failed for good?",
            "Dead letters. They stay until somebody replays or discards them.",
            {"{{queue}}": "switchyard:deadletters:messages"},
        ),
        Panel(
            "What found no queue?",
            "Messages whose queue was removed, or whose route was renamed.",
            {"messages": 'max(switchyard_queue_messages_ready{queue="unroutable"})'},
        ),
    ),
)

TASKS = Board(
    "tasks",
    "Switchyard: tasks",
    variable="task",
    of="switchyard_task_outcomes_total",
    panels=(
        Panel(
            "How do tasks end?",
            "Executions a second by their end, over ten minutes. `failed` and `rejected` are dead-lettered.",
            {"{{outcome}}": 'sum by (outcome) (switchyard:task_outcomes:rate10m{task=~"$task"})'},
            "cps",
        ),
        Panel(
            "Which fail, and by what?",
            "Failures a second by task and exception.",
            {
                "{{task}} {{exception}}": (
                    'sum by (task, exception) (rate(switchyard_task_failures_total{task=~"$task"}[10m]))'
                )
            },
            "cps",
            empty="Empty while nothing has failed since the workers began.",
        ),
        Panel(
            "How long do 95 of 100 wait?",
            "From when a task was due until it began.",
            {
                "{{queue}}": (
                    "histogram_quantile(0.95, sum by (queue, le) "
                    '(rate(switchyard_task_wait_seconds_bucket{task=~"$task"}[5m])))'
                )
            },
            "s",
        ),
        Panel(
            "How long do 95 of 100 run?",
            "From its begin to its end. Near the queue's limit tasks will be ended by it.",
            {
                "{{task}}": (
                    "histogram_quantile(0.95, sum by (task, le) "
                    '(rate(switchyard_task_run_seconds_bucket{task=~"$task"}[5m])))'
                )
            },
            "s",
        ),
        Panel(
            "How many slots are busy?",
            "Tasks that run now, beside how many can. At the limit the queue grows.",
            {
                "{{queue}} busy": "sum by (queue) (switchyard_worker_slots_busy)",
                "{{queue}} slots": "sum by (queue) (switchyard_worker_slots)",
            },
        ),
        Panel(
            "Which task fills the slots?",
            "Slots that each has held on average, once its runs have ended.",
            {
                "{{queue}} {{task}}": (
                    "topk(10, sum by (queue, task) "
                    '(rate(switchyard_task_run_seconds_sum{task=~"$task"}[5m])))'
                )
            },
            empty="Empty while none has ended; `python -m app slots` shows those that run.",
        ),
        Panel(
            "Which worker has stood still, and for how long?",
            "Since its consumer last made progress. Liveness ends a worker that stands still.",
            {"{{queue}} {{instance}}": "switchyard_worker_heartbeat_age_seconds"},
            "s",
        ),
        Panel(
            "How many processes were replaced?",
            "Children that ended by age or by death within ten minutes.",
            {"{{queue}}": "sum by (queue) (increase(switchyard_worker_children_recycled_total[10m]))"},
            empty="Empty for a pool of threads, which has none.",
        ),
        Panel(
            "Since when are there dead letters?",
            "For so long nobody has replayed or discarded all of them.",
            {"{{queue}}": "max by (queue) (switchyard_deadletters_oldest_seconds)"},
            "s",
        ),
    ),
)

WEB = Board(
    "web",
    "Switchyard: web",
    panels=(
        Panel(
            "How are requests answered?",
            "Answers a second by route and status; the probes are left out.",
            {"{{route}} {{status}}": "sum by (route, status) (rate(switchyard_http_requests_total[5m]))"},
            "reqps",
            empty="Empty while nobody has asked anything.",
        ),
        Panel(
            "What does sending work cost a request (95 of 100)?",
            "The call that writes the outbox row, without the commit.",
            {
                "{{queue}}": (
                    "histogram_quantile(0.95, sum by (queue, le) "
                    "(rate(switchyard_enqueue_seconds_bucket[5m])))"
                )
            },
            "s",
            empty="Empty while no request has sent anything.",
        ),
        Panel(
            "How many requests fail, of all?",
            "The share that is answered with a 5xx; 0.1 % is allowed.",
            {"5m": "switchyard:http_failed:ratio5m", "1h": "switchyard:http_failed:ratio1h"},
            "percentunit",
            empty="Empty while nothing has failed.",
        ),
        Panel(
            "How many take longer than a second?",
            "The share of all requests; 1 % may.",
            {"5m": "switchyard:http_slow:ratio5m"},
            "percentunit",
            empty="Empty while nobody has asked anything.",
        ),
        Panel(
            "How long do 95 of 100 take?",
            "From the request to its answer, by route.",
            {
                "{{route}}": (
                    "histogram_quantile(0.95, sum by (route, le) "
                    "(rate(switchyard_http_request_seconds_bucket[5m])))"
                )
            },
            "s",
            empty="Empty while nobody has asked anything.",
        ),
        Panel(
            "How many are refused for being too many?",
            "Answers with 429 a second: somebody is over a limit.",
            {"429": 'switchyard:http_requests:rate5m{status="429"}'},
            "reqps",
            empty="Empty while none was.",
        ),
    ),
)

BEAT_AND_OUTBOX = Board(
    "beat-and-outbox",
    "Switchyard: beat and outbox",
    panels=(
        Panel(
            "What was accepted and has not left?",
            "Messages in the outbox. They are safe there, and late.",
            {"{{queue}}": "switchyard:outbox_waiting:messages"},
        ),
        Panel(
            "How long does the oldest wait for the relay?",
            "Above 30 s OutboxNotDraining comes.",
            {"{{queue}}": "switchyard:outbox_oldest:seconds"},
            "s",
        ),
        Panel(
            "What leaves, and what does the broker refuse?",
            "Messages a second. Nacked: the queue is full. Returned: no queue is bound.",
            {
                "{{queue}} confirmed": "sum by (queue) (rate(switchyard_relay_published_total[5m]))",
                "{{queue}} nacked": "sum by (queue) (rate(switchyard_relay_nacked_total[5m]))",
                "{{queue}} returned": "sum by (queue) (rate(switchyard_relay_returned_total[5m]))",
            },
            "cps",
        ),
        Panel(
            "How long does the broker take to confirm (95 of 100)?",
            "From publish to confirm: the disks of the broker's nodes, mostly.",
            {
                "confirm": (
                    "histogram_quantile(0.95, sum by (le) "
                    "(rate(switchyard_relay_confirm_seconds_bucket[5m])))"
                )
            },
            "s",
            empty="Empty while nothing was sent for five minutes.",
        ),
        Panel(
            "What is in quarantine?",
            "Messages that the broker refused for their own fault. `python -m app outbox` shows why.",
            {"messages": "max(switchyard_outbox_quarantined)"},
        ),
        Panel(
            "Does a beat hold the lease?",
            "1: the schedule is sent. 0: nobody sends it.",
            {"held": "max(switchyard_beat_lease_held)"},
        ),
        Panel(
            "When did beat last look at the schedule?",
            "It looks every 2 s.",
            {"seconds ago": "max(switchyard_beat_last_tick_age_seconds)"},
            "s",
            empty="Empty while nobody holds the lease.",
        ),
        Panel(
            "How far is the schedule behind?",
            "Of the entry that is latest, how late it is.",
            {"most overdue": "max(switchyard_beat_overdue_seconds)"},
            "s",
        ),
        Panel(
            "What was missed within a day?",
            "Entries that ran later than they may, or not at all.",
            {"entries": "max(switchyard_beat_missed_runs)"},
        ),
        Panel(
            "What cannot be sent as it is?",
            "Entries whose task this release lacks, or whose arguments are wrong.",
            {"entries": "max(switchyard_beat_refused_entries)"},
        ),
        Panel(
            "Is the database another installation's?",
            "1: it is a clone, and relay, beat and workers stand still.",
            {"foreign": "max(switchyard_database_foreign)"},
        ),
        Panel(
            "Is the database's clock right?",
            "Due times and ages are counted by it.",
            {"apart from the exporter's": "max(abs(switchyard_database_clock_ahead_seconds))"},
            "s",
        ),
    ),
)

BROKER = Board(
    "broker",
    "Switchyard: broker",
    panels=(
        Panel(
            "Does the broker answer?",
            "Whether the exporter could read its management API.",
            {"up": "max(switchyard_broker_up)"},
        ),
        Panel(
            "How old is what is shown?",
            "Since the exporter last read the broker.",
            {"last read": "max(switchyard_broker_last_read_age_seconds)"},
            "s",
        ),
        Panel(
            "Is it short of memory or disk?",
            "1: it blocks all who publish. Accepted work waits in the outbox.",
            {"{{alarm}}": "max by (alarm) (switchyard_broker_alarm)"},
        ),
        Panel(
            "Has it what is declared?",
            "Differences between app/queues.py and the broker. `python -m app topology check` names them.",
            {"differences": "max(switchyard_topology_drift)"},
        ),
        Panel(
            "Which version is it?",
            "As the broker says.",
            {"{{version}}": "max by (version) (switchyard_broker_info)"},
            kind="stat",
        ),
        Panel(
            "What is delivered again?",
            "Messages a second that a worker had before and did not end.",
            {"{{queue}}": "sum by (queue) (rate(switchyard_queue_redelivered_total[5m]))"},
            "cps",
        ),
        Panel(
            "For how long are the certificates still good?",
            "Below 14 days CertificateExpires comes.",
            {"{{server}}": "min by (server) (switchyard_certificate_remaining_seconds)"},
            "s",
            empty="Empty where no server speaks TLS.",
        ),
        Panel(
            "How long does a scrape take?",
            "What the exporter waits for all its parts; at most 1.5 s.",
            {"exporter": "max(switchyard_exporter_scrape_seconds)"},
            "s",
        ),
        Panel(
            "How many connections of the database are left?",
            "Of all its databases. At the limit every role is refused.",
            {
                "in use": "max(switchyard_database_connections)",
                "at most": "max(switchyard_database_max_connections)",
            },
        ),
        Panel(
            "How old is the oldest transaction, and whose is it?",
            "Rows that are deleted while it is open stay, for all tables.",
            {"{{owner}}": "max by (owner) (switchyard_database_oldest_transaction_seconds)"},
            "s",
        ),
        Panel(
            "How many rows are gone and not cleaned up?",
            "Autovacuum takes them away, unless a transaction keeps them.",
            {"{{table}}": "max by (table) (switchyard_database_dead_rows)"},
        ),
    ),
)

BOARDS = (QUEUES, TASKS, WEB, BEAT_AND_OUTBOX, BROKER)
