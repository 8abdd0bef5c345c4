import type { Command } from 'commander'
import { nearest } from '../plan/nearest.ts'
import type { Probe } from '../plan/probes.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import { askNow, leftOut, type ProbeAnswer } from './ask-now.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { isInside } from './inside-probe.ts'
import { type Column, table } from './layout.ts'

interface Flags {
  all?: true
  outside?: true
  json?: true
}

export function registerProbe(program: Command, context: CommandContext): void {
  program
    .command('probe')
    .argument('[system]', 'name of the system')
    .argument('[name]', 'one probe; all of the plan unless told')
    .option('--all', 'every system of the project')
    .option('--outside', 'also what asks other machines, such as certificates of production')
    .option('--json', 'prints one JSON array of answers')
    .description(
      'Asks the probes of a plan once, now, and says what each found. Nothing is recorded and nobody is told.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval up medtime &
  aval probe medtime
  aval probe medtime api --json

A probe of a service or of the database asks what \`aval up\` runs here. What asks other machines is of production: it is left out, and told to be,
unless it is named or --outside is given. A sign of life is not asked for.
Exit codes: 0 every probe that was asked is well, 1 one fails, 2 the command line is wrong, 3 none fails but one could not be asked.`,
    )
    .action((first: string | undefined, second: string | undefined, flags: Flags) =>
      probe(first, second, flags, context),
    )
}

async function probe(
  first: string | undefined,
  second: string | undefined,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const { system, name } = meant(project, first, second, flags)
  const answers: ProbeAnswer[] = []
  for (const each of chooseSystems(project, system, flags.all === true, 'probe')) {
    const loaded = await loadSystem(project, each)
    const { probes } = loaded.plan
    if (name !== undefined && probes[name] === undefined) {
      if (flags.all) continue
      const known = Object.keys(probes)
      const near = nearest(name, known)
      throw usage(
        'probe',
        `The plan of ${each} has the probes ${known.join(', ') || 'none'}, not "${name}".${near === undefined ? '' : ` Did you mean ${near}?`}`,
      )
    }
    const chosen = name === undefined ? Object.keys(probes) : [name]
    const isAsked = (each: string, probe: Probe) => each === name || flags.outside === true || isInside(probe)
    const asked = chosen.filter((one) => probes[one] !== undefined && isAsked(one, probes[one]))
    answers.push(...(await askNow({ project, system: loaded }, asked, context)))
    answers.push(
      ...chosen.flatMap((one) => {
        const probe = probes[one]
        return probe === undefined || asked.includes(one) ? [] : [leftOut(each, one, probe)]
      }),
    )
  }
  if (name !== undefined && answers.length === 0) throw usage('probe', `No plan has a probe "${name}".`)
  if (answers.some(({ status }) => status === 'fails')) context.exitWith(1)
  else if (!answers.every(({ status }) => status === 'well' || status === 'left out')) context.exitWith(3)
  // Nothing is well of which nothing was asked.
  else if (answers.length > 0 && !answers.some(({ status }) => status === 'well')) context.exitWith(3)
  if (flags.json) return printJson(context, answers)
  if (answers.length === 0) return context.out('No plan names a probe.\n')
  context.out(`${table(columns, answers)}\n`)
}

/** A word alone is a system where there is one of that name; else the probe of the only system that can be meant. */
function meant(project: Project, first: string | undefined, second: string | undefined, { all }: Flags) {
  if (second !== undefined) return { system: first, name: second }
  if (first === undefined || project.systems.includes(first)) return { system: first, name: undefined }
  const alone = all || project.here !== undefined || project.systems.length === 1
  return alone ? { system: undefined, name: first } : { system: first, name: undefined }
}

const columns: readonly Column<ProbeAnswer>[] = [
  { title: 'system', text: ({ system }) => system },
  { title: 'probe', text: ({ probe }) => probe },
  { title: 'status', text: ({ status }) => (status === 'fails' ? 'FAILS' : status) },
  { title: 'took', text: ({ tookMs }) => (tookMs === null ? '—' : readableMs(tookMs)) },
  { title: 'asks', text: ({ asks }) => asks },
  { title: 'what is wrong', text: wrong, fills: true },
]

function wrong({ status, reason, countsAfter, certificateDays }: ProbeAnswer): string {
  if (status === 'well') return certificateDays === undefined ? '' : `${Math.floor(certificateDays)} days left`
  return status === 'fails' && countsAfter > 1 ? `${reason}; counts after ${countsAfter} in a row` : (reason ?? '')
}
