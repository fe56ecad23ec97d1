"""What the dashboards ask. `python -m deploy.grafana` writes them; a test holds the files to this."""

from deploy.grafana.panel import Board, Panel

QUEUES = Board(
    "queues",
    "Switchyard: queues",
    variable="queue",
    of="switchyard_queue_objective_seconds",
    panels=(
        Panel("Which queue is growing?", {"{{queue}}": 'switchyard:queue_backlog:messages{queue=~"$queue"}'}),
        Panel(
            "Since when, and how fast?",
            {"{{queue}}": 'switchyard:queue_growth:per_second{queue=~"$queue"}'},
            "cps",
        ),
        Panel(
            "When will it be empty?",
            {"{{queue}}": 'switchyard:queue_drain:seconds{queue=~"$queue"}'},
            "s",
            empty="A gap is infinity: the queue does not shrink.",
        ),
        Panel(
            "How long does work wait, and how long may it?",
            {
                "{{queue}}": 'max by (queue) (switchyard_queue_oldest_wait_seconds{queue=~"$queue"})',
                "{{queue}} may": 'switchyard:queue_objective:seconds{queue=~"$queue"}',
            },
            "s",
        ),
        Panel(
            "What comes, and what is done?",
            {
                "{{queue}} comes": 'max by (queue) (switchyard_queue_publish_rate{queue=~"$queue"})',
                "{{queue}} done": 'max by (queue) (switchyard_queue_ack_rate{queue=~"$queue"})',
            },
            "cps",
        ),
        Panel(
            "Who works on it, and how many should?",
            {
                "{{queue}}": 'switchyard:queue_consumers:count{queue=~"$queue"}',
                "{{queue}} wanted": 'switchyard:queue_workers_wanted:replicas{queue=~"$queue"}',
            },
        ),
        Panel(
            "When will the wait objective be broken?",
            {"{{queue}}": 'max by (queue) (switchyard_queue_objective_breach_seconds{queue=~"$queue"})'},
            "s",
            empty="A gap is infinity: it will not be at the present slope.",
        ),
        Panel(
            "How fast does the month's allowance burn (1: it lasts the month)?",
            {
                "{{queue}} 1h": 'switchyard:queue_wait_broken:ratio1h{queue=~"$queue"} / 0.01',
                "{{queue}} 6h": 'switchyard:queue_wait_broken:ratio6h{queue=~"$queue"} / 0.01',
            },
            empty="Empty for the first five minutes.",
        ),
        Panel("What waits for a later time?", {"retries and countdowns": "max(switchyard_delayed_messages)"}),
        Panel("What has failed for good?", {"{{queue}}": "switchyard:deadletters:messages"}),
        Panel(
            "What found no queue?",
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
            {"{{outcome}}": 'sum by (outcome) (switchyard:task_outcomes:rate10m{task=~"$task"})'},
            "cps",
        ),
        Panel(
            "Which fail, and by what?",
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
            {
                "{{queue}} busy": "sum by (queue) (switchyard_worker_slots_busy)",
                "{{queue}} slots": "sum by (queue) (switchyard_worker_slots)",
            },
        ),
        Panel(
            "Which task fills the slots?",
            {
                "{{queue}} {{task}}": (
                    "topk(10, sum by (queue, task) "
                    '(rate(switchyard_task_run_seconds_sum{task=~"$task"}[5m])))'
                )
            },
            empty="What each has held on average, once its runs have ended; `python -m app slots` shows "
            "those that run.",
        ),
        Panel(
            "Which worker has stood still, and for how long?",
            {"{{queue}} {{instance}}": "switchyard_worker_heartbeat_age_seconds"},
            "s",
        ),
        Panel(
            "How many processes were replaced?",
            {"{{queue}}": "sum by (queue) (increase(switchyard_worker_children_recycled_total[10m]))"},
            empty="Empty for a pool of threads, which has none.",
        ),
        Panel(
            "Since when are there dead letters?",
            {"{{queue}}": "max by (queue) (switchyard_deadletters_oldest_seconds)"},
            "s",
        ),
        Panel(
            "How are requests answered?",
            {"{{route}} {{status}}": "sum by (route, status) (rate(switchyard_http_requests_total[5m]))"},
            "reqps",
            empty="Empty while nobody has asked anything.",
        ),
        Panel(
            "What does sending work cost a request (95 of 100)?",
            {
                "{{queue}}": (
                    "histogram_quantile(0.95, sum by (queue, le) "
                    "(rate(switchyard_enqueue_seconds_bucket[5m])))"
                )
            },
            "s",
            empty="Empty while no request has sent anything.",
        ),
    ),
)

BEAT_AND_OUTBOX = Board(
    "beat-and-outbox",
    "Switchyard: beat and outbox",
    panels=(
        Panel("What was accepted and has not left?", {"{{queue}}": "switchyard:outbox_waiting:messages"}),
        Panel(
            "How long does the oldest wait for the relay?",
            {"{{queue}}": "switchyard:outbox_oldest:seconds"},
            "s",
        ),
        Panel(
            "What leaves, and what does the broker refuse?",
            {
                "{{queue}} confirmed": "sum by (queue) (rate(switchyard_relay_published_total[5m]))",
                "{{queue}} nacked": "sum by (queue) (rate(switchyard_relay_nacked_total[5m]))",
                "{{queue}} returned": "sum by (queue) (rate(switchyard_relay_returned_total[5m]))",
            },
            "cps",
        ),
        Panel(
            "How long does the broker take to confirm (95 of 100)?",
            {
                "confirm": (
                    "histogram_quantile(0.95, sum by (le) "
                    "(rate(switchyard_relay_confirm_seconds_bucket[5m])))"
                )
            },
            "s",
            empty="Empty while nothing was sent for five minutes.",
        ),
        Panel("What is in quarantine?", {"messages": "max(switchyard_outbox_quarantined)"}),
        Panel("Does a beat hold the lease?", {"held": "max(switchyard_beat_lease_held)"}),
        Panel(
            "When did beat last look at the schedule?",
            {"seconds ago": "max(switchyard_beat_last_tick_age_seconds)"},
            "s",
            empty="Empty while nobody holds the lease.",
        ),
        Panel(
            "How far is the schedule behind?", {"most overdue": "max(switchyard_beat_overdue_seconds)"}, "s"
        ),
        Panel("What was missed within a day?", {"entries": "max(switchyard_beat_missed_runs)"}),
        Panel("What cannot be sent as it is?", {"entries": "max(switchyard_beat_refused_entries)"}),
        Panel("Is the database another installation's?", {"foreign": "max(switchyard_database_foreign)"}),
        Panel(
            "Is the database's clock right?",
            {"apart from the exporter's": "max(abs(switchyard_database_clock_ahead_seconds))"},
            "s",
        ),
    ),
)

BROKER = Board(
    "broker",
    "Switchyard: broker",
    panels=(
        Panel("Does the broker answer?", {"up": "max(switchyard_broker_up)"}),
        Panel(
            "How old is what is shown?", {"last read": "max(switchyard_broker_last_read_age_seconds)"}, "s"
        ),
        Panel("Is it short of memory or disk?", {"{{alarm}}": "max by (alarm) (switchyard_broker_alarm)"}),
        Panel("Has it what is declared?", {"differences": "max(switchyard_topology_drift)"}),
        Panel(
            "Which version is it?", {"{{version}}": "max by (version) (switchyard_broker_info)"}, kind="stat"
        ),
        Panel(
            "What is delivered again?",
            {"{{queue}}": "sum by (queue) (rate(switchyard_queue_redelivered_total[5m]))"},
            "cps",
        ),
        Panel("How long does a scrape take?", {"exporter": "max(switchyard_exporter_scrape_seconds)"}, "s"),
        Panel(
            "How many connections of the database are left?",
            {
                "in use": "max(switchyard_database_connections)",
                "at most": "max(switchyard_database_max_connections)",
            },
        ),
        Panel(
            "How old is the oldest transaction, and whose is it?",
            {"{{owner}}": "max by (owner) (switchyard_database_oldest_transaction_seconds)"},
            "s",
        ),
        Panel(
            "How many rows are gone and not cleaned up?",
            {"{{table}}": "max by (table) (switchyard_database_dead_rows)"},
        ),
    ),
)

BOARDS = (QUEUES, TASKS, BEAT_AND_OUTBOX, BROKER)
