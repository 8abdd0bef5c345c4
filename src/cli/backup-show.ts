import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes } from '../plan/units.ts'
import { meantBackup } from '../recovery/backup/backup-id.ts'
import type { BackupInfo } from '../recovery/backup/backup-info.ts'
import type { DumpInfo } from '../recovery/logical/dump-info.ts'
import { decideRetention, timeOf } from '../recovery/retention/decide.ts'
import { explain, span } from '../recovery/retention/decision.ts'
import { expiresAt } from '../recovery/retention/expiry.ts'
import { type RetentionPolicy, retentionPolicy } from '../recovery/retention/rules.ts'
import { backupFacts, dumpFacts, type Survey, surveyRepository } from '../recovery/retention/survey.ts'
import { isAboveFloor, readFloor } from '../recovery/retention/wal-floor.ts'
import { parseLsn } from '../recovery/wal/lsn.ts'
import { describeGap, walGaps } from '../recovery/wal/wal-gaps.ts'
import { chooseRepository, systemAndId } from './chosen-repository.ts'
import { type CommandContext, printJson } from './command.ts'
import { type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  json?: true
}

export function registerShow(backup: Command, context: CommandContext): void {
  withRepositoryOptions(backup.command('show'))
    .argument('<system-or-id>', 'name of the system, or the id where there is only one')
    .argument('[id]', 'id of the backup, or its beginning')
    .option('--json', 'prints one JSON array')
    .description('Tells all about one backup: its age, its rule, what it needs, what keeps it, when it was verified.')
    .addHelpText(
      'after',
      `
Example:
  aval backup show medtime 20260203T040506Z-1a2b3c4d

Exit codes: 0 told, 1 the repository cannot be read, 2 there is no such backup or the command line is wrong.`,
    )
    .action((first: string, second: string | undefined, flags: Flags) => show(first, second, flags, context))
}

async function show(first: string, second: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const [name, given] = systemAndId(first, second)
  const { system, repository } = await chooseRepository(name, flags, context, 'backup show')
  const policy = retentionPolicy(system.plan)
  const now = context.clock.now()
  const survey = await surveyRepository(repository, policy, now)
  const id = meantBackup(
    given,
    [...survey.infos, ...survey.dumps].map((each) => each.id),
  )
  const info = survey.infos.find((each) => each.id === id)
  if (!info) {
    const dump = survey.dumps.find((each) => each.id === id)
    if (!dump) throw failure('BACKUP_UNKNOWN', { id })
    return showDump(system.name, dump, survey, policy, flags, context)
  }
  const decision = decideRetention(survey.facts).find((each) => each.of === 'backup' && each.id === id)
  const checked = survey.checked.get(id)
  const leadsOn = isAboveFloor(await readFloor(repository), { timeline: info.timeline, start: parseLsn(info.startLsn) })
  const gaps = (await walGaps(repository)).filter(
    ({ moments }) => (moments.to ?? Number.POSITIVE_INFINITY) > info.stoppedAt,
  )
  const held = survey.facts.holds.find(({ backup, until }) => backup === id && (until === undefined || until > now))
  const told = {
    ...info,
    now: decision ? explain(decision, { now, timeZone: policy.timeZone }) : 'kept',
    ends: endOf(info, policy),
    held: held ? { reason: held.reason, until: held.until ?? null } : null,
    verified: checked ?? null,
    laterMoments: leadsOn,
  }
  if (flags.json) return printJson(context, [told])
  const stored = info.archives.reduce((sum, archive) => sum + archive.storedBytes, info.manifest.storedBytes)
  const rows: [string, string][] = [
    [
      'taken',
      `${timestamp(info.startedAt)}, took ${readableMs(info.stoppedAt - info.startedAt)}, ${span(now - info.stoppedAt)} ago`,
    ],
    ['label', info.label === '' ? 'none' : info.label],
    ['rule', info.rule ?? 'none: taken by hand'],
    [
      'holds',
      `Postgres ${info.postgres.version}, ${formatBytes(info.databaseBytes)} in ${formatBytes(stored)}, ${info.files} files`,
    ],
    ['needs', `WAL ${info.startLsn} to ${info.stopLsn} on timeline ${info.timeline}`],
    ['restores', leadsOn ? 'itself, and moments after it' : 'itself only: the WAL after it is no longer kept'],
    ...gaps.map((gap): [string, string] => ['gap', describeGap(gap)]),
    ['verified', checked ? `${timestamp(checked.at)}, ${checked.sound ? 'sound' : 'not sound'}` : 'never'],
    ['held', held ? `${held.reason}${held.until === undefined ? '' : `, until ${timestamp(held.until)}`}` : 'no'],
    ['now', told.now],
    [
      'would go',
      told.ends === 'never' ? 'never, by its rule' : `at ${told.ends} by its rule, when nothing else keeps it`,
    ],
  ]
  context.out(`${system.name}, backup ${id}\n${rows.map(([what, says]) => `  ${what.padEnd(9)} ${says}\n`).join('')}`)
}

/** When its own time is over. */
function endOf(info: BackupInfo, policy: RetentionPolicy): string {
  const { keep } = timeOf(backupFacts(info, undefined), policy)
  return keep === 'forever' ? 'never' : timestamp(expiresAt(info.stoppedAt, keep, policy.timeZone))
}

function showDump(
  system: string,
  dump: DumpInfo,
  survey: Survey,
  policy: RetentionPolicy,
  flags: Flags,
  context: CommandContext,
): void {
  const { now } = survey.facts
  const decision = decideRetention(survey.facts).find((each) => each.of === 'backup' && each.id === dump.id)
  const checked = survey.checked.get(dump.id)
  const says = decision ? explain(decision, { now, timeZone: policy.timeZone }) : 'kept'
  const { keep } = timeOf(dumpFacts(dump, checked), policy)
  const ends = keep === 'forever' ? 'never' : timestamp(expiresAt(dump.stoppedAt, keep, policy.timeZone))
  if (flags.json) {
    printJson(context, [{ ...dump, now: says, ends, verified: checked ?? null }])
    return
  }
  const rows: [string, string][] = [
    ['taken', `${timestamp(dump.startedAt)}, a dump, ${span(now - dump.stoppedAt)} ago`],
    ['label', dump.label === '' ? 'none' : dump.label],
    ['rule', dump.rule ?? 'none: taken by hand'],
    ['holds', `Postgres ${dump.postgres.version}, ${formatBytes(dump.dumpBytes)} in ${formatBytes(dump.storedBytes)}`],
    ['restores', 'itself only'],
    ['verified', checked ? `${timestamp(checked.at)}, ${checked.sound ? 'sound' : 'not sound'}` : 'never'],
    ['now', says],
    ['would go', ends === 'never' ? 'never, by its rule' : `at ${ends} by its rule, when nothing else keeps it`],
  ]
  context.out(`${system}, backup ${dump.id}\n${rows.map(([what, text]) => `  ${what.padEnd(9)} ${text}\n`).join('')}`)
}
