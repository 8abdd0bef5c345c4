/**
 * The error catalogue: every failure Aval reports has a stable code, says what happened and where, and what to do next.
 * Placeholders in braces are the parameters of the error; none may carry a person's data or a secret.
 * `docs/errors.md` is made from this table.
 */
export const catalogue = {
  USAGE: { says: '{problem}', next: 'Run `{command} --help` for the options and an example.', exit: 2 },
  UNEXPECTED: {
    says: 'Aval met a failure it has no name for: {problem}',
    next: 'Run again with AVAL_DEBUG=1 to keep the details in .aval/debug.log, and report them.',
    exit: 1,
  },

  PROJECT_NOT_FOUND: {
    says: 'No project at {path} or above it, and none beside this Aval.',
    next: 'Go to a folder that holds plan.ts or systems/<name>/plan.ts, or to one below it.',
    exit: 2,
  },
  SYSTEM_NOT_FOUND: {
    says: 'There is no system "{name}" here.',
    next: 'The systems are: {known}. {suggestion}',
    exit: 2,
  },

  BASE_UNKNOWN: {
    says: 'What has changed since {base} cannot be told: {reason}',
    next: 'Name a branch, tag or commit that is here, such as --changed origin/main; a shallow clone needs `git fetch --unshallow` first.',
    exit: 2,
  },
  PLAN_MISSING: {
    says: 'The system "{name}" has no plan.ts.',
    next: 'Write one whose default export is definePlan(...), with the system "{name}" in it.',
    exit: 2,
  },
  PLAN_SYNTAX: {
    says: 'The file cannot be read as TypeScript: {problem}',
    next: 'Correct the syntax here. Node runs the file as it is, so enum, namespace and parameter properties are out.',
    exit: 1,
  },
  PLAN_IMPORT: {
    says: '{problem}',
    next: 'Correct the import. A plan needs only definePlan from "aval"; relative imports carry their file ending.',
    exit: 1,
  },
  PLAN_THREW: {
    says: 'The plan threw while it was read: {problem}',
    next: 'A plan is plain data: move whatever computes or reads out of it.',
    exit: 1,
  },
  PLAN_DENIED: {
    says: 'The plan tried something a plan may not do: {problem}',
    next: 'A plan is read without the right to write files, start programs or use the network. Write the value down instead.',
    exit: 1,
  },
  PLAN_ENDLESS: {
    says: 'The plan had not finished loading after {seconds} s and was ended.',
    next: 'Look for a loop, or an await that never settles, in the plan and in what it imports.',
    exit: 1,
  },
  PLAN_EXITED: {
    says: 'The plan ended its process ({outcome}) before it gave a value.',
    next: 'Remove process.exit and whatever else ends the process, or uses up its memory, from the plan and its imports.',
    exit: 1,
  },
  PLAN_NO_DEFAULT: {
    says: 'The plan has no default export; {exports}.',
    next: 'Write `export default definePlan(...)`.',
    exit: 1,
  },
  PLAN_NOT_DATA: {
    says: 'The plan holds what is not plain data: {problems}',
    next: 'Use text, numbers, booleans, lists and objects only.',
    exit: 1,
  },
  PLAN_TOO_LARGE: {
    says: 'The plan is larger than {limit}.',
    next: 'A plan is read by people; move data out of it.',
    exit: 1,
  },
  PLAN_INVALID: {
    says: 'The plan of "{name}" has {count} to correct: {problems}',
    next: 'Run `aval check {name}` for each with its place and its fix.',
    exit: 1,
  },
  REQUIREMENTS_MISSING: {
    says: 'The plan of "{name}" names a requirements file that is not there.',
    next: 'Create it, or correct `requirements` in the plan.',
    exit: 1,
  },
  REQUIREMENTS_INVALID: {
    says: 'The requirements file has {count} to correct: {problems}',
    next: 'Each entry of the list has `id` (such as AB-1), `statement` and `source`, and each id stands once.',
    exit: 1,
  },

  EXERCISE_MISSING: {
    says: 'The plan of {system} names no exercise, and nothing can be proven without one ({file}).',
    next: "Write exercise.ts as docs/exercise.md shows and name it in the plan: exercise: './exercise.ts'.",
    exit: 2,
  },
  EXERCISE_BROKEN: {
    says: 'The exercise of {system} could not be loaded from {file}: {problem}.',
    next: 'Export it as `export const exercise = defineExercise(...)`; docs/exercise.md shows one.',
    exit: 2,
  },

  METRIC_NOT_LISTED: {
    says: 'The plan lists no {what} for the service {service}.',
    next: 'Add it to telemetry.metrics of the plan with emittedBy, or do not emit it.',
    exit: 1,
  },

  PROCESS_FAILED: {
    says: '{program} ended with {outcome}.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  PROCESS_TIMED_OUT: {
    says: '{program} was still running after {seconds} s and was ended.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  PROCESS_NOT_FOUND: { says: '{program} is not on this machine.', next: 'Install it or correct its path.', exit: 1 },

  LEDGER_DAMAGED: {
    says: 'The ledger in {directory} was changed from outside: {problem}.',
    next: 'Run `aval ledger verify` to see every damaged record. Nothing is read from this ledger or added to it until ledger.db, ledger.head and keys/ledger.key are restored, or moved away together so that a new one begins.',
    exit: 1,
  },
  SERVICE_DIRECTORY: {
    says: 'The folder {directory} for units cannot be written.',
    next: 'Run as root, or give --directory; --print shows the unit.',
    exit: 1,
  },
  SERVICE_UNIT_REFUSED: {
    says: 'The unit is not one that systemd takes: {problem}',
    next: 'Look at it with --print. Nothing was written.',
    exit: 1,
  },
  SCHEDULE_UNREADABLE: {
    says: 'What was run by the calendar is written in {file}, which cannot be read.',
    next: 'Move the file away: what the plan names is then done at its next time, and nothing that was missed is caught up with.',
    exit: 1,
  },
  LEDGER_KEY_MISSING: {
    says: 'The ledger in {directory} has records but its key keys/ledger.key is missing or is no Ed25519 key.',
    next: 'Restore keys/ledger.key, or move ledger.db and ledger.head away so that a new ledger begins.',
    exit: 1,
  },

  SERVICE_DIED_STARTING: {
    says: 'The service {service} ended with {outcome} before it was ready.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  SERVICE_NOT_READY: {
    says: 'The service {service} was not ready within {seconds} s: {url} answered {last}.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  SERVICES_IN_A_CIRCLE: {
    says: 'The services wait for each other: {circle}.',
    next: 'Take one step of the circle out of `needs` in the plan.',
    exit: 2,
  },
  SERVICE_UNKNOWN: {
    says: 'Aval runs no service "{service}" here.',
    next: 'The services it runs are: {known}.',
    exit: 1,
  },
  NO_FREE_PORT: {
    says: 'No free port was found between {lowest} and {highest}.',
    next: 'End some of the programs that listen on this machine, or name a free `port` in the plan.',
    exit: 1,
  },
  ENVIRONMENT_IN_USE: {
    says: '{system} already runs: process {pid} has held {directory} since {since}.',
    next: 'Use the one that runs, or end it with Ctrl-C in its terminal or `kill {pid}`, and start again.',
    exit: 1,
  },
  ENVIRONMENT_STOPPED: {
    says: 'The environment of {system} was stopped already; nothing starts in it any more.',
    next: 'Start the command again.',
    exit: 1,
  },
  ENVIRONMENT_SERVER_EXTERNAL: {
    says: 'The plan of {system} gives {environment} the external server of {variable}, and Aval runs systems on its own.',
    next: "Set database.servers.{environment} to 'embedded' or 'installed'.",
    exit: 2,
  },
  SEED_FAILED: {
    says: 'The seed {file} was not applied: {reason}.',
    next: 'Nothing of it was kept. Correct the file and start again.',
    exit: 1,
  },
  NO_DATABASE: {
    says: 'The plan of {system} has no database, and what was asked for needs one.',
    next: 'Add a `database` section to {file}.',
    exit: 2,
  },

  KEY_MISSING: {
    says: 'The repository key {file} is not there.',
    next: 'Put the escrow copy of the key back. Without it nothing in the repository can be read.',
    exit: 1,
  },
  ARCHIVE_OFF: {
    says: '{system} was started with --without-archive: what it writes cannot be restored.',
    next: 'End it, and start it again without --without-archive.',
    exit: 1,
  },
  KEY_COPY_MISSING: {
    says: 'The escrow copy {file} is not there.',
    next: 'Name the file that `aval key escrow` wrote; `aval key show` lists the copies and where each was written.',
    exit: 2,
  },
  KEY_EXPOSED: {
    says: 'Other accounts may read {file}, which holds a key or opens one (mode {mode}).',
    next: 'Find out who read it, then run: chmod 600 {file}',
    exit: 1,
  },
  KEY_LOCKED: {
    says: 'The repository key {file} is locked. It opens with {holders}.',
    next: 'Set AVAL_PASSPHRASE_FILE or AVAL_IDENTITY_FILE, which every command takes; where its help names --passphrase-file and --identity-file, those do as well.',
    exit: 2,
  },
  KEY_UNLOCK_FAILED: {
    says: 'The repository key {file} does not open with what was given. It opens with {holders}.',
    next: 'Give another passphrase or identity. When it is the right one the file was changed: put the escrow copy in its place.',
    exit: 1,
  },
  KEY_UNLOCK_FILE: {
    says: 'The file {file}, which should open the repository key, cannot be read.',
    next: 'Name a file that is there and readable to this account.',
    exit: 2,
  },
  KEY_ESCROW_RECORD: {
    says: 'The record {file} of the escrow copies cannot be read.',
    next: 'Move it away and make a new copy with `aval key escrow`; it holds no key.',
    exit: 1,
  },
  KEY_ESCROW_EXISTS: {
    says: 'The file {file} is there already.',
    next: 'Give --to another file; an escrow copy is never overwritten.',
    exit: 2,
  },
  KEY_NO_HOLDER: {
    says: 'Nobody could open the key {file}.',
    next: 'Give --new-passphrase-file, --recipient, or both.',
    exit: 2,
  },
  KEY_PASSPHRASE_SHORT: {
    says: 'The passphrase is shorter than {shortest} characters.',
    next: 'Take a longer one, such as six random words. Whoever guesses it reads every backup.',
    exit: 2,
  },
  KEY_RECIPIENT_INVALID: {
    says: 'A recipient is not one of age.',
    next: 'Give the line that begins with age1, as age-keygen prints it ("Public key"). The identity (AGE-SECRET-KEY-…) stays with its owner.',
    exit: 2,
  },
  KEY_IDENTITY_INVALID: {
    says: 'The file {file} holds no age identity, or a line that is none.',
    next: 'Give the file that age-keygen wrote: one line that begins with AGE-SECRET-KEY-, comments after #.',
    exit: 2,
  },
  KEY_BESIDE_BACKUPS: {
    says: 'The key {file} lies inside the repository {place} that it opens.',
    next: 'Move it away from the backups: whoever finds one must not find the other.',
    exit: 1,
  },
  KEY_MALFORMED: {
    says: 'The file {file} does not hold a repository key: 64 hexadecimal digits were expected.',
    next: 'Put the escrow copy of the key back.',
    exit: 1,
  },
  STORE_KEY_INVALID: {
    says: '"{key}" cannot be the name of a stored object.',
    next: 'Names are letters, digits, ".", "_" and "-", in parts joined by "/".',
    exit: 1,
  },
  STORE_FULL: {
    says: 'There is no room in {place} for {key}.',
    next: 'Free space there, or give the repository another place. Nothing that was stored is affected.',
    exit: 1,
  },
  STORE_UNREACHABLE: {
    says: 'The store {place} cannot be reached: {reason}.',
    next: 'Check network and address. What is stored is safe; a receiver goes on by itself once the store answers, a command is to be given again.',
    exit: 1,
  },
  STORE_DENIED: {
    says: 'The store {place} does not allow this access key to {action} {key}: {reason}.',
    next: 'Check the access key, and that it may read, write, list and delete below the prefix; docs/stores.md has the policy.',
    exit: 1,
  },
  STORE_BUCKET_MISSING: {
    says: 'There is no bucket {bucket} ({place}).',
    next: 'Make it in the region of the plan, or correct the location.',
    exit: 1,
  },
  STORE_CLOCK_WRONG: {
    says: 'The store {place} refuses requests because this clock differs from its own by {difference}: here {here}, there {there}.',
    next: 'Set the clock (on Linux: timedatectl set-ntp true), then give the command again.',
    exit: 1,
  },
  STORE_REFUSED: {
    says: 'The store {place} refused to {action} {key}: {reason}.',
    next: 'Run `aval backup stores` to see what the store can do; the reason is in its own words.',
    exit: 1,
  },
  STORE_OBJECT_CHANGED: {
    says: '{key} in {place} was replaced or removed while it was read.',
    next: 'Give the command again.',
    exit: 1,
  },
  STORE_OBJECT_TOO_LARGE: {
    says: '{key} is larger than the {largest} GB that an object of a bucket may have here.',
    next: 'Nothing of it was kept. Use the engine pgbackrest for a cluster of this size.',
    exit: 1,
  },
  STORE_LOCATION_INVALID: {
    says: 'The location in {origin} cannot be used: {problem}.',
    next: 'Write a directory, or s3://bucket/prefix?region=us-west-2, with &endpoint=https://... for other services than AWS.',
    exit: 2,
  },
  STORE_LOCATION_UNSET: {
    says: 'Where the store "{name}" is stands in the variable {variable}, which is not set.',
    next: 'Set it to a directory or to s3://bucket/prefix?region=...',
    exit: 2,
  },
  STORE_CREDENTIALS_MISSING: {
    says: 'The store {place} needs an access key, and {variables} is not set.',
    next: 'Set the variables {both}; AWS_SESSION_TOKEN beside them for keys that expire.',
    exit: 2,
  },
  STORE_UNKNOWN: {
    says: 'The plan of {system} has no store "{name}".',
    next: 'The stores of its recovery section are: {known}.',
    exit: 2,
  },
  LIFECYCLE_NOT_S3: {
    says: 'The store "{name}" is of kind {kind}; only a bucket has lifecycle rules.',
    next: 'Name a store of kind s3 with --store.',
    exit: 2,
  },
  LIFECYCLE_DELETES_TOO_EARLY: {
    says: 'The store "{store}" would delete after {after} what the backup "{backup}" needs {needed}.',
    next: 'Correct `tiers` of the store or `keep` of the backup in the plan.',
    exit: 1,
  },
  STORE_COPY_FOREIGN: {
    says: '{place} holds another repository than the one that was to be copied to it.',
    next: 'Nothing was changed. Name an empty place for the copy.',
    exit: 1,
  },
  STORE_COPY_INCOMPLETE: {
    says: 'The repository changed faster than it could be copied to {place}.',
    next: 'What was copied is kept. Give the command again.',
    exit: 1,
  },
  REPOSITORY_HELD: {
    says: 'The repository in {place} is written to by {holder} until {until} (generation {generation}).',
    next: 'Let that one write, or stop it. If its machine is gone, give the command again after that moment.',
    exit: 1,
  },
  REPOSITORY_LEASE_LOST: {
    says: 'The repository in {place} was taken over: {reason}. Nothing more is written to it from here.',
    next: 'Find out which of the two servers is the right one, and stop the other.',
    exit: 1,
  },
  OBJECT_MISSING: {
    says: 'The object {object} is not in {place}.',
    next: 'Run `aval backup verify` to see what else is missing and which backups are affected.',
    exit: 1,
  },
  OBJECT_DAMAGED: {
    says: 'The object {object} is damaged: {problem}.',
    next: 'Nothing was taken from it. Run `aval backup verify`, and restore from another backup or copy.',
    exit: 1,
  },
  OBJECT_OTHER_KEY: {
    says: 'The object {object} was sealed with key {sealedWith}, which this key file (keys {held}) does not hold: the file is older than the last rotation.',
    next: 'Give the present key file, or an escrow copy made since `aval key rotate`. {opens}',
    exit: 1,
  },
  OBJECT_CONFLICT: {
    says: 'The object {object} exists already with other content.',
    next: 'Two servers write to one repository. Stop one of them and give it a repository of its own.',
    exit: 1,
  },
  REPOSITORY_ABSENT: {
    says: 'There is no repository of {system} in {place}.',
    next: 'Make a first backup with `aval backup create {system}`, or name the place that holds one.',
    exit: 1,
  },
  REPOSITORY_INCOMPLETE: {
    says: '{place} holds {key} but not the object "repository" that every repository begins with.',
    next: 'If this is a repository, bring that object back from a copy; otherwise choose an empty place.',
    exit: 1,
  },
  REPOSITORY_WRONG_KEY: {
    says: 'The repository in {place} was made with key {expected}; the wrong key, {given}, was given.',
    next: 'Give the key file of this repository or its escrow copy.',
    exit: 1,
  },
  REPOSITORY_OTHER_SYSTEM: {
    says: 'The repository in {place} belongs to {owner}, not to {system}.',
    next: 'Name the repository of {system}.',
    exit: 1,
  },

  CASE_UNUSABLE: {
    says: 'The case "{id}" cannot be run, at exchange {exchange}: {problem}.',
    next: 'Correct the case in the behaviours of the exercise; nothing was said about the service.',
    exit: 1,
  },

  POSTGRES_NOT_FOUND: {
    says: 'No {choice} Postgres {wanted} on this machine; found: {found}.',
    next: 'Install the packages again (`npm ci`) for the embedded one, or Postgres from your system for an installed one.',
    exit: 1,
  },
  POSTGRES_NO_ACCOUNT: {
    says: 'Postgres refuses to run as root, and /etc/passwd has neither "postgres" nor "nobody" to run it as.',
    next: 'Add an account called postgres, or run Aval as an ordinary user.',
    exit: 1,
  },
  POSTGRES_PLACE_UNREACHABLE: {
    says: 'The account {account}, which Postgres runs as, may not enter {ancestor} to reach {path}.',
    next: 'Choose a directory below one everybody may enter, such as /var/lib/aval.',
    exit: 1,
  },
  POSTGRES_NOT_A_CLUSTER: {
    says: '{directory} is neither empty nor the data directory of a Postgres.',
    next: 'Name an empty directory, or move away what is in it.',
    exit: 1,
  },
  POSTGRES_WRONG_MAJOR: {
    says: '{directory} was written by Postgres {major}; version {version} cannot run on it.',
    next: 'Use Postgres {major}, or restore a logical backup into a new directory.',
    exit: 1,
  },
  POSTGRES_SETTING_RESERVED: {
    says: 'The setting "{name}" is not a name Postgres could have, or is one that Aval decides itself.',
    next: 'Remove it from database.settings of the plan.',
    exit: 2,
  },
  POSTGRES_IN_USE: {
    says: 'The database in {directory} is run by another Aval, process {pid}.',
    next: 'Stop that one first, or work with it while it runs.',
    exit: 1,
  },
  POSTGRES_RUNNING_ELSEWHERE: {
    says: 'A Postgres that Aval did not start runs on {directory}, process {pid}.',
    next: 'Stop it with `pg_ctl stop -D {directory}`, then try again.',
    exit: 1,
  },
  POSTGRES_FENCED: {
    says: 'The database in {directory} is fenced: it was the primary, and the server of {successor} took over from it.',
    next: 'Run `aval up`, which starts the one that took over, then `aval standby rejoin` to bring this one back as its standby.',
    exit: 1,
  },
  STANDBY_ABSENT: {
    says: 'There is no standby: {file} does not exist.',
    next: 'Make one with `aval standby create`.',
    exit: 2,
  },
  STANDBY_EXISTS: {
    says: 'There is a standby already, in {directory}.',
    next: 'Look at it with `aval standby status`; `aval standby rejoin` brings one back that cannot follow.',
    exit: 2,
  },
  STANDBY_STATE_UNREADABLE: {
    says: 'The file that says which server is the primary, {file}, cannot be read.',
    next: 'Start neither server before you know which one took the last writes: the one whose directory has no file ending in .fenced beside it. Then correct the file, or remove it together with the other directory and make a new standby.',
    exit: 1,
  },
  STANDBY_PAIR_DISAGREES: {
    says: 'The data directories are not as {file} says: {problem}. Nothing was started or changed.',
    next: 'Move each directory back to where it was. When the primary is lost, `aval standby promote` makes the standby take its place. To run on a restored state, `aval restore <system> --at <time> --in-place` puts it where it belongs and dissolves the pair.',
    exit: 1,
  },
  STANDBY_NOT_READY: {
    says: 'The standby cannot be promoted or brought back now; its state is: {state}.',
    next: 'When it is fenced or in the making, run `aval standby rejoin`; when a promotion was begun, `aval standby promote` carries it on.',
    exit: 1,
  },
  STANDBY_BEHIND: {
    says: 'The standby lacks acknowledged writes: {loss}.',
    next: 'Start the primary again if that can be done. To give these writes up, run `aval standby promote --force`; nothing was changed so far.',
    exit: 1,
  },
  STANDBY_PRIMARY_ANSWERS: {
    says: 'The primary answers; there is no failure to fail over from.',
    next: 'To change roles on purpose, without loss, run `aval standby promote --planned`.',
    exit: 1,
  },
  STANDBY_REFUSED: { says: '{problem}', next: '{next}', exit: 1 },
  STANDBY_UP_GONE: {
    says: 'The `aval up` that ran the system ended before it answered.',
    next: 'Run `aval standby status`; a promotion that was begun is carried on by `aval standby promote` or the next `aval up`.',
    exit: 1,
  },
  STANDBY_NEEDS_UP: {
    says: '{system} does not run, and a standby is made of a running primary.',
    next: 'Start it with `aval up {system}`, then give the command again.',
    exit: 1,
  },
  STANDBY_SILENT: {
    says: 'The standby in {directory} does not receive from its primary: {problem}.',
    next: 'Look at the log of both servers, then run `aval standby rejoin`.',
    exit: 1,
  },
  POSTGRES_NOT_RUNNING: {
    says: 'No server of Aval runs on {directory}.',
    next: 'Start it with `aval up`, then try again.',
    exit: 1,
  },
  POSTGRES_START_FAILED: {
    says: 'Postgres {version} did not start on {directory}.',
    next: 'Its last words were:\n    {output}',
    exit: 1,
  },
  POSTGRES_NOT_WRITABLE: {
    says: 'The server on {directory} did not finish its recovery.',
    next: 'Its last words were:\n    {output}',
    exit: 1,
  },
  POSTGRES_UNREACHABLE: {
    says: 'No connection to Postgres at {address}: {reason}.',
    next: 'Check that the server runs and that the address is right.',
    exit: 1,
  },
  POSTGRES_TLS: {
    says: 'There is no connection to {address} that is protected as asked for: {reason}.',
    next: 'Correct sslmode, sslrootcert, sslcert or sslkey in the URL, or the certificate of the server. No password was sent.',
    exit: 1,
  },
  POSTGRES_ACCESS_DENIED: {
    says: 'Postgres at {address} refused the connection: {reason}.',
    next: 'Check user, password and database of the URL.',
    exit: 1,
  },
  POSTGRES_TOO_OLD: {
    says: 'Postgres at {address} is version {version}; Aval needs {oldest} or newer.',
    next: 'Upgrade the server.',
    exit: 1,
  },
  POSTGRES_EXTENSION_MISSING: {
    says: 'Postgres {version} does not offer: {names}.',
    next: 'Install what brings them (on Debian postgresql-contrib or a package of their own), or take them out of database.extensions.',
    exit: 1,
  },

  REPOSITORY_OTHER_SERVER: {
    says: 'The repository in {place} holds the history of the cluster {owner}; this server is {server}.',
    next: 'Restore from the repository if that is the server you want back; otherwise move it away or name another place.',
    exit: 1,
  },
  BACKUP_SERVER_TOO_OLD: {
    says: 'The server is Postgres {version}; backups need 15 or later.',
    next: 'Upgrade the server.',
    exit: 1,
  },
  BACKUP_KIND_UNSUPPORTED: {
    says: 'The native engine takes full and incremental backups; {kind} was asked for, so nothing was backed up.',
    next: "Ask for one of those: an incremental one holds what changed since the backup before. Or set recovery.engine to 'pgbackrest', which knows the others.",
    exit: 2,
  },
  BACKUP_INCREMENTAL_TOO_OLD: {
    says: 'The server is Postgres {version}; incremental backups of the native engine need 17 or later. Nothing was backed up.',
    next: 'Take a full one: the WAL between two full backups is kept anyway. Or upgrade the server.',
    exit: 1,
  },
  BACKUP_SUMMARIES_OFF: {
    says: 'The server does not note which pages change (summarize_wal is off), so that no incremental backup can be taken.',
    next: 'Set summarize_wal to true in database.settings of the plan, or run ALTER SYSTEM SET summarize_wal = on and SELECT pg_reload_conf() on a server of your own. Then take a full backup first.',
    exit: 1,
  },
  BACKUP_NO_PARENT: {
    says: 'There is no sound backup on timeline {timeline} of the server that an incremental one could follow. Nothing was backed up.',
    next: 'Take a full one: aval backup create. Those after it can be incremental.',
    exit: 1,
  },
  BACKUP_SUMMARIES_MISSING: {
    says: 'The server cannot tell every page that changed since the backup {parent}: {problem}. Nothing was backed up.',
    next: 'Take a full one. To keep the notes for longer between backups, raise wal_summary_keep_time.',
    exit: 1,
  },
  BACKUP_CHAIN_BROKEN: {
    says: 'The backup {id} is incremental and cannot be put together: {parent}, which it builds on, is not there.',
    next: 'Restore from another backup of `aval backup list` with --backup, or bring {parent} back from a second store with `aval backup copy`. Take a full backup.',
    exit: 1,
  },
  BACKUP_TABLESPACES: {
    says: 'The cluster keeps data in tablespaces of its own: {locations}. They cannot be backed up yet, so nothing was.',
    next: 'Move the tables to the default tablespace (ALTER TABLE ... SET TABLESPACE pg_default) and drop the others.',
    exit: 1,
  },
  BACKUP_WAL_MISSING: {
    says: 'The WAL from {from} to {to}, which the backup needs, did not reach the repository. The backup was discarded.',
    next: 'See what keeps the WAL receiver from storing, then take the backup again.',
    exit: 1,
  },
  WAL_NOT_STORED: {
    says: 'The WAL up to {lsn} was not stored within {seconds} s; it is stored up to {stored}. {trouble}',
    next: 'Mend what the receiver reports; where it reports nothing, the store may be slow or the machine too busy.',
    exit: 1,
  },
  WAL_SLOT_BUSY: {
    says: 'The slot {slot} is held by another receiver of the same server (its WAL sender is process {sender}). Nothing is received here until that one lets go.',
    next: 'If that is a receiver of this one that vanished, the server gives it up within half a minute. Else stop it: an `aval up` on another machine, or a second one of the same system.',
    exit: 1,
  },
  WAL_SPOOL_BUSY: {
    says: 'Another receiver (process {pid}) uses the spool {spool}.',
    next: 'Stop that process, or give this receiver a folder of its own.',
    exit: 1,
  },
  WAL_SPOOL_FULL: {
    says: 'The disk of the spool {spool} is full. WAL waits on the server until there is room.',
    next: 'Free space there, or see why the store takes nothing. The server keeps at most max_slot_wal_keep_size.',
    exit: 1,
  },
  WAL_SYNCHRONOUS_TAKEN: {
    says: 'The setting synchronous_standby_names is "{names}" already, so that commits do not wait for the receiver {standby}.',
    next: 'Name the receiver there as well, such as FIRST 2 (...), or reset the setting: ALTER SYSTEM RESET synchronous_standby_names.',
    exit: 1,
  },
  WAL_DIVERGED: {
    says: 'The server is at {server}, but its WAL is already stored up to {stored}: it was put back by other means than a restore.',
    next: 'Restore the server with `aval restore`, or give it a new repository.',
    exit: 1,
  },
  WAL_GAP: {
    says: 'The server no longer has the WAL after {after}. Moments from then until the next backup cannot be restored.',
    next: 'Take a backup now. Raise max_slot_wal_keep_size and wal_keep_size if the receiver can be away for so long.',
    exit: 1,
  },

  INIT_NO_MIGRATIONS: {
    says: 'No migrations of Postgres were found in {folder}.',
    next: 'Name their folder with --migrations. Known are Supabase, Prisma, Drizzle, and a folder of plain .sql files.',
    exit: 2,
  },
  INIT_EXISTS: {
    says: '{file} is there already, and nothing is ever overwritten.',
    next: 'Go on with it, or name another system: aval init <name>.',
    exit: 2,
  },
  INIT_OUTSIDE: {
    says: '{path} leads out of {root}, and nothing is written there.',
    next: 'Replace the link by a folder, or run aval init where it leads to.',
    exit: 2,
  },
  MIGRATIONS_NOT_FOUND: {
    says: 'There is no folder of migrations at {directory}.',
    next: 'Correct database.migrations.directory of the plan.',
    exit: 2,
  },
  MIGRATION_MISNAMED: {
    says: '{name} has not the name of a migration.',
    next: 'Name it {expected}; what is no migration belongs in another folder.',
    exit: 2,
  },
  MIGRATION_DUPLICATE: {
    says: '{one} and {other} are both migration {id}, so that their order is unknown.',
    next: 'Give the newer one a later number.',
    exit: 2,
  },
  MIGRATION_FILE_MISSING: {
    says: 'The migration {name} is listed in {list}, but its file is not there.',
    next: 'Bring the file back, or take it out of the list if it was never applied.',
    exit: 2,
  },
  MIGRATION_LIST_INVALID: {
    says: 'The list of migrations {problem}.',
    next: 'Bring it back as the tool that made it left it.',
    exit: 2,
  },
  MIGRATION_SYNTAX: {
    says: 'This is not SQL that Postgres understands: {problem}.',
    next: 'Mend the statement.',
    exit: 2,
  },
  MIGRATION_OTHER_DIALECT: {
    says: 'This is written for {dialect} ("{sign}"), and Aval runs Postgres.',
    next: 'Name the folder with the migrations of Postgres in database.migrations.directory. What another database promises Aval cannot prove.',
    exit: 2,
  },
  MIGRATION_PSQL_COMMAND: {
    says: '{command} is a command of psql, and whoever applies this file without psql cannot do it.',
    next: 'Write out in SQL what it does: the text of an included file, or each statement that it makes.',
    exit: 2,
  },
  MIGRATION_TRANSACTION_CONTROL: {
    says: '"{statement}" would end the transaction that a migration is recorded in.',
    next: 'Leave it out: a migration that fails is rolled back anyway. BEGIN, COMMIT and savepoints may stay.',
    exit: 2,
  },
  MIGRATION_FAILED: {
    says: '{name}, statement {number} of {count} ({statement}) failed: {reason}.',
    next: '{hint}{aftermath}',
    exit: 1,
  },
  MIGRATIONS_REFUSED: {
    says: 'Folder and database disagree, and nothing was changed: {reasons}.',
    next: '{fixes}',
    exit: 1,
  },
  MIGRATIONS_LOCKED: {
    says: 'Somebody else migrates this database: server process {pid} holds the lock.',
    next: 'Wait until it has finished; if it hangs, end it with `SELECT pg_terminate_backend({pid})`.',
    exit: 1,
  },
  MIGRATION_SUPERUSER: {
    says: 'Migrations would run as {role}, a superuser, for whom a migration could run programs on the server.',
    next: 'Use the URL of the role that owns the schema.',
    exit: 2,
  },

  BACKUP_NONE: {
    says: 'There is no complete backup of {system} in {place}.',
    next: 'Make one with `aval backup create {system}`.',
    exit: 1,
  },
  BACKUP_UNKNOWN: {
    says: 'There is no backup {id}.',
    next: 'See `aval backup list`; of an id its beginning is enough, from 8 characters on.',
    exit: 2,
  },
  BACKUP_AMBIGUOUS: {
    says: 'Several backups begin with {id}: {ids}.',
    next: 'Give as much of the id as tells it from the others.',
    exit: 2,
  },
  RESTORE_WAL_REMOVED: {
    says: 'The backup {id} cannot be restored to {at}: the WAL after it is no longer kept.',
    next: 'Restore the backup as it was made with `--at backup --backup {id}`. Nothing was written.',
    exit: 2,
  },
  HOLD_NONE: {
    says: 'The backup {id} is not held.',
    next: 'Run `aval backup show {id}` to see what keeps it.',
    exit: 2,
  },
  HOLD_UNTIL_PAST: {
    says: 'The hold would end at {until}, which has passed.',
    next: 'Give --until a moment to come, or leave it out: the backup is then held until it is released.',
    exit: 2,
  },
  ERASURE_UNKNOWN: {
    says: 'The plan of {system} names no erasure "{name}".',
    next: 'It names: {known}. Add one under recovery.erasures.',
    exit: 2,
  },
  ERASURE_SUBJECT: {
    says: 'What was given does not name a {name}: the plan says it is a {parameter}.',
    next: 'Give the id as the database has it. It is not repeated here, since it is personal.',
    exit: 2,
  },
  ERASURE_FAILED: {
    says: 'Erasing the {name} failed with the SQL state {code}. Nothing was erased.',
    next: 'Correct the statements in recovery.erasures, try them with --dry-run, and give the command again.',
    exit: 1,
  },
  ERASURE_UNCERTAIN: {
    says: 'The connection broke while the erasure of the {name} was committed ({reason}): whether it was, is not known.',
    next: 'Give the same command again: it goes on with the record {id}. Every restore erases it in any case.',
    exit: 1,
  },
  RESTORE_ERASURE_FAILED: {
    says: 'What was erased before could not be erased again from the restored database: {name}, SQL state {code}.',
    next: 'Correct recovery.erasures in the plan so that it fits the restored schema, and finish the restore again. Start no service on it before.',
    exit: 1,
  },
  SNAPSHOT_REASON: {
    says: 'The plan wants a snapshot before a migration ({rule}), and --no-snapshot gives no reason to go without.',
    next: 'Give the reason: --no-snapshot "the last backup is ten minutes old".',
    exit: 2,
  },
  RESTORE_OUTSIDE_WINDOW: {
    says: '{at} cannot be restored: the window goes from {from} to {to}.',
    next: 'Choose a moment inside the window, or `--at latest`. Nothing was written.',
    exit: 2,
  },
  RESTORE_TIMELINE_UNKNOWN: {
    says: 'The repository holds no WAL of timeline {timeline}; it holds that of {known}. Nothing was written.',
    next: 'Name one of those, or leave `--timeline` out to follow the newest.',
    exit: 2,
  },
  RESTORE_WAL_MISSING: {
    says: 'The WAL after {from} is missing from the repository (segment {segment}), and the restore would need it.',
    next: 'Bring that object back from a copy, or choose an earlier moment. `aval backup verify` names all that is missing.',
    exit: 1,
  },
  RESTORE_SERVER_RUNNING: {
    says: 'A server runs on {directory}. Nothing was changed.',
    next: 'Restore to another directory, or stop that server and move its directory away.',
    exit: 2,
  },
  RESTORE_NOT_EMPTY: {
    says: '{directory} is not an empty directory. Nothing was changed.',
    next: 'Name a directory that does not exist yet or is empty.',
    exit: 2,
  },
  RESTORE_PLACE_REFUSED: {
    says: 'Nothing can be restored into {directory}: {reason}.',
    next: 'Name a directory on a disk with room for the database, where you may write. Nothing was written.',
    exit: 2,
  },
  RESTORE_BUSY: {
    says: 'Another restore is writing to {directory}.',
    next: 'Wait for it to end, or name another directory.',
    exit: 2,
  },
  RESTORE_NO_ROOM: {
    says: 'The restore needs {needed}, and {directory} has {free} left. Nothing was written.',
    next: 'Free space there, or name a directory on another disk.',
    exit: 1,
  },
  ENGINE_TOOL_FAILED: {
    says: '{program} ended with {outcome}.',
    next: 'Its last words were:\n    {output}',
    exit: 1,
  },
  ENGINE_NOT_KEPT: {
    says: 'What was committed until {at} was not kept within {seconds} s; it is kept until {kept}.',
    next: 'With dumps only a new one keeps it: take one with `aval backup create`. With pgBackRest see what keeps it from archiving.',
    exit: 1,
  },
  ENGINE_ARCHIVING_FAILS: {
    says: 'The server could not hand its newest WAL to pgBackRest; the last segment it handed over is {segment}.',
    next: 'See the log of the server for the reason. Until it succeeds the server keeps its WAL, and its disk fills.',
    exit: 1,
  },
  ENGINE_NEEDS_FILES: {
    says: 'The files of the server, {directory}, are not on this machine, and pgBackRest reads them.',
    next: "Run Aval where the server runs, or set recovery.engine to 'native' or 'logical', which need no files.",
    exit: 1,
  },
  ENGINE_NEEDS_SETTING: {
    says: 'The server runs without {setting} = {value}, which the recovery engine of its plan needs.',
    next: 'Add it to the settings of the server and restart it; `aval up` does so by itself.',
    exit: 1,
  },
  ENGINE_STORE_UNSUPPORTED: {
    says: 'The store {place} is no directory, and pgBackRest keeps its own repository in one.',
    next: "Name a directory as the store, or set recovery.engine to 'native'.",
    exit: 2,
  },
  PGBACKREST_MISSING: {
    says: 'The plan backs up with pgBackRest, which is not on this machine.',
    next: "Install it, on Debian and Ubuntu with `apt install pgbackrest`, or set recovery.engine to 'native'.",
    exit: 1,
  },
  DUMP_UNREADABLE: {
    says: 'The role of the URL may not read all of {table}: {reason}. A dump without the rest would be no backup, so none was made.',
    next: 'Use the owner of every table, or a role with pg_read_all_data and BYPASSRLS; a provider may call it its admin role.',
    exit: 1,
  },
  DUMP_TOOLS_MISSING: {
    says: 'Dumping or loading needs pg_dump and pg_restore {major} or newer; found: {found}.',
    next: 'Install them, on Debian and Ubuntu as postgresql-client-{major} from apt.postgresql.org. Older ones refuse a newer server.',
    exit: 1,
  },
  RESTORE_ROWS_DIFFER: {
    says: 'What was loaded from {backup} is not what was dumped: {differences}. Nothing was kept of it.',
    next: 'Restore from another backup, and report this with the version of the server.',
    exit: 1,
  },
  RESTORE_NEEDS_REPOSITORY: {
    says: 'The WAL of the cluster in {directory} was not fetched yet, and nothing says where it is.',
    next: 'Finish the restore with the repository it came from, or restore again.',
    exit: 1,
  },
  RESTORE_UNFINISHED: {
    says: 'The restore into {directory} is not finished: it may not have recovered, and what must be run after a restore was not run.',
    next: 'Restore again with `aval restore <system> --at <time> --in-place`. The directory is kept as it is.',
    exit: 1,
  },
  RESTORE_RECOVERY_FAILED: {
    says: 'The cluster restored to {directory} did not recover: {reason}',
    next: 'The directory is kept for inspection. Restore to another moment or from another backup.',
    exit: 1,
  },
  RESTORE_SQL_FAILED: {
    says: 'After the restore this statement failed: {statement}: {reason}',
    next: 'Correct recovery.afterRestore in the plan and finish the restore again. No service may use the database before.',
    exit: 1,
  },

  EXTRACT_NAME_UNKNOWN: {
    says: 'Neither the server that runs nor any migration knows a table {name}.{hint}',
    next: 'Correct the name. A table that only the backup can know is asked for with its schema, such as public.{name}.',
    exit: 2,
  },
  EXTRACT_SUBJECT_UNKNOWN: {
    says: 'Neither the server that runs nor any migration knows {name}, which the plan names for this subject.{hint}',
    next: 'Correct recovery.subjects of the plan.',
    exit: 2,
  },
  EXTRACT_TABLE_UNKNOWN: {
    says: 'The restored database has no table or column {table}.',
    next: 'Correct the name, or for --subject recovery.subjects of the plan; a table made after the moment is not in it.',
    exit: 2,
  },
  EXTRACT_VALUE_UNFIT: {
    says: 'The value given for the subject is none its column can hold.',
    next: 'Give the value as the database writes it, such as the whole UUID.',
    exit: 2,
  },
  EXTRACT_UNSUPPORTED: {
    says: 'The rows of {table} cannot be followed: {what}.',
    next: 'Restore the database with `aval restore` and copy the rows by hand.',
    exit: 1,
  },
  IMPORT_TABLE_DIFFERS: {
    says: 'The table {table} is not the same in backup and target: {problem}. Nothing was brought in.',
    next: 'Bring the target to the schema of the backup, or choose a later moment; a dropped table comes back with --table.',
    exit: 1,
  },
  IMPORT_NOT_OWNER: {
    says: 'Row security hides rows of {table} from the user of the target. Nothing was brought in.',
    next: 'Give the URL of the owner of the schema.',
    exit: 1,
  },
  IMPORT_CONFLICT: {
    says: 'The target holds other values under the same keys: {tables}. Nothing was brought in.',
    next: 'Choose what wins with --on-conflict keep-target, take-backup, or newer:<column>.',
    exit: 1,
  },
  IMPORT_PARENT_GONE: {
    says: 'The rows refer to rows of somebody else that the target no longer has: {tables}. Nothing was brought in.',
    next: 'Nobody is brought back by the way. Where the other one agrees, extract that subject first.',
    exit: 1,
  },
  IMPORT_REFUSED: {
    says: 'The target refused rows of {table}: {problem}. Nothing was brought in.',
    next: 'Look at what the constraint wants of the target; --on-conflict keep-target lets rows of the target stand in the way.',
    exit: 1,
  },
  IMPORT_SQL_FAILED: {
    says: 'What the plan wants run with the import failed: {statement}: {reason}. Nothing was brought in.',
    next: 'Correct beforeImport or afterImport of recovery.subjects in the plan, or apply the migration it needs, and give the command again.',
    exit: 1,
  },
  IMPORT_BUSY: {
    says: 'Another transaction holds a table that rows have to go into. Nothing was brought in.',
    next: 'Give the command again; should it happen again, look in pg_stat_activity for the transaction and end it.',
    exit: 1,
  },
  IMPORT_NOT_EQUAL: {
    says: 'After the import the rows of {table} were not those of the backup: {problem}. Nothing was brought in.',
    next: 'Where a trigger changed them, give --triggers off; they fire again for everybody afterwards.',
    exit: 1,
  },

  MERGE_TABLE_THERE: {
    says: 'The table {table} is in the target already.',
    next: 'Rows of it that are missing come back with `aval extract <system> --table <name>`; rename it first if all of it is wrong.',
    exit: 1,
  },
  MERGE_UNSUPPORTED: {
    says: 'The table {table} cannot be made again by itself: {what} would be lost.',
    next: 'Make the table with its migration, then bring its rows in with `aval extract <system> --table <name>`.',
    exit: 1,
  },
  MERGE_REFUSED: {
    says: 'The target refused a part of {table} ({statement} ...): {reason}. Nothing was changed.',
    next: 'Make what it needs (a type, a function, a role, a right of the user of the target) and give the command again.',
    exit: 1,
  },
  MERGE_NOT_EQUAL: {
    says: 'After the merge {part} of {table} were not what they had been. Nothing was changed.',
    next: 'Make the table with its migration, then bring its rows in with `aval extract <system> --table <name>`.',
    exit: 1,
  },

  PAGE_CHECKSUMS_OFF: {
    says: 'No page in {directory} carries a checksum: damage there cannot be seen.',
    next: 'Stop the server and run `pg_checksums --enable` on it; new clusters of Aval have them.',
    exit: 1,
  },
  REPAIR_UNSUPPORTED: {
    says: 'The table {table} cannot be refilled by itself: {what}.',
    next: 'Restore the whole cluster with `aval restore <system> --at latest --to <directory>` and put it in the place of this one.',
    exit: 1,
  },
  REPAIR_NOT_EQUAL: {
    says: 'After it was refilled the table {table} was not what the backup holds. It was left as it had been.',
    next: 'Restore the whole cluster with `aval restore <system> --at latest --to <directory>`, and report what you saw.',
    exit: 1,
  },

  MIGRATE_NO_URL: {
    says: 'The environment variable {variable} holds no URL of a database for {system}.',
    next: 'Set it: {variable}=postgresql://owner:password@host:5432/database. Name the server itself, not a pooler.',
    exit: 2,
  },
  MIGRATE_NO_SERVER: {
    says: 'The plan of {system} names no server outside development for "{environment}".',
    next: 'Its servers are: {known}. Name a variable with --database-url-from, or add the server to database.servers.',
    exit: 2,
  },

  MOMENT_UNREADABLE: {
    says: '"{text}" is not a moment.',
    next: "Write it as 2026-02-03T04:05:06Z, as '2026-02-03 04:05:06+00', or `latest`; `aval restore` also takes `backup`, the backup as it was made.",
    exit: 2,
  },
  MOMENT_WITHOUT_ZONE: {
    says: '"{text}" does not say in which time zone it is.',
    next: 'Add the zone: {example} for UTC, or an offset such as +02:00.',
    exit: 2,
  },
  BACKUP_NOTHING_RUNS: {
    says: 'No development server of {system} runs that could be backed up.',
    next: 'Start it with `aval up {system}`, or name the variable that holds the URL of a server with --database-url-from.',
    exit: 1,
  },
  BACKUP_NO_URL: {
    says: 'The environment variable {variable} holds no URL of a database server.',
    next: 'Set it to postgresql://user:password@host:port/database, with a role that may replicate.',
    exit: 2,
  },

  NOTICE_CHANNEL: {
    says: 'A notice names a channel that the plan does not declare.',
    next: 'The channels of incidents.channels are: {known}.',
    exit: 1,
  },
  NOTIFY_SETTING: {
    says: 'The channel "{channel}" has no setting "{setting}".',
    next: 'A channel of kind {kind} has: {known}.',
    exit: 1,
  },
  REVIEW_NOT_WRITTEN: {
    says: 'The review could not be written to {file} ({reason}).',
    next: 'Name a file in a folder that is there and may be written to, or leave --out away and redirect the output.',
    exit: 1,
  },
  INCIDENT_UNKNOWN: {
    says: 'There is no incident {incident}.',
    next: 'The open ones are: {open}.',
    exit: 2,
  },
  INCIDENT_SEVERITY: {
    says: 'The plan has no severity "{severity}".',
    next: 'The severities of incidents.severities are: {known}.',
    exit: 2,
  },
  INCIDENT_CLOSED: {
    says: 'Incident {incident} is closed.',
    next: 'Open a new one that names it in its first note.',
    exit: 2,
  },

  SERIES_STORE_HELD: {
    says: 'The series in {directory} are being written by process {pid}.',
    next: 'One process writes them; stop that one, or read beside it with aval query.',
    exit: 1,
  },
  SERIES_STORE_MISSING: {
    says: 'Nothing was measured yet: there are no series in {directory}.',
    next: 'Run aval watch for that system; it writes what it measures.',
    exit: 1,
  },

  QUERY_FAILED: {
    says: 'The query cannot be evaluated: {problem}',
    next: 'Change the query; the series it reads are as they are.',
    exit: 1,
  },
} as const satisfies Record<string, { says: string; next: string; exit: 1 | 2 }>

export type ErrorCode = keyof typeof catalogue

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

type Parameters<Code extends ErrorCode> = Record<
  Placeholders<(typeof catalogue)[Code]['says']> | Placeholders<(typeof catalogue)[Code]['next']>,
  string | number
>

/** Where in a person's files the trouble is. Line and column count from 1. */
export interface Location {
  file: string
  line?: number
  column?: number
}

export class AvalError extends Error {
  readonly code: ErrorCode
  readonly next: string
  readonly exit: 1 | 2
  readonly where: Location | undefined

  /**
   * @param cause what lay underneath; kept for the debug log, never printed.
   */
  constructor(code: ErrorCode, parameters: Record<string, string | number>, where?: Location, cause?: unknown) {
    const entry = catalogue[code]
    super(fill(entry.says, parameters), cause === undefined ? undefined : { cause })
    this.name = 'AvalError'
    this.code = code
    this.next = fill(entry.next, parameters)
    this.exit = entry.exit
    this.where = where
  }
}

/** Makes a catalogued error; the compiler asks for exactly the parameters its texts name. */
export function failure<Code extends ErrorCode>(
  code: Code,
  parameters: Parameters<Code>,
  options: { where?: Location; cause?: unknown } = {},
): AvalError {
  return new AvalError(code, parameters, options.where, options.cause)
}

/** What a person reads: what happened, where, what to do next. Never a stack. */
export function describeError(error: unknown): string {
  const known =
    error instanceof AvalError ? error : failure('UNEXPECTED', { problem: messageOf(error) }, { cause: error })
  const where = known.where ? `${formatLocation(known.where)}\n` : ''
  return `${where}${known.code}: ${known.message}\n  ${known.next}`
}

export function formatLocation({ file, line, column }: Location): string {
  return [file, line, column].filter((part) => part !== undefined).join(':')
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

function fill(template: string, parameters: Record<string, string | number>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(parameters[name] ?? '')).trimEnd()
}
