import { randomInt } from 'node:crypto'
import type { Command } from 'commander'
import { deriveGuarantees } from '../plan/derive.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { devicesGuarantee, effortOf, proveDay } from '../prove/devices/prover.ts'
import { openSession } from '../prove/session.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, usage } from './command.ts'
import { parseCount, parseSeed } from './numbers.ts'
import { findingKeeper, tellEvidence } from './soak-evidence.ts'

interface DevicesFlags {
  count?: number
  hours?: number
  seed: number
  json?: true
}

/** `aval soak devices`: a simulated day of devices with failing networks on the real system, with one restore. */
export function registerSoakDevices(soak: Command, context: CommandContext): void {
  soak
    .command('devices')
    .argument('[system]', 'name of the system')
    .description(
      'Devices with failing networks live through a simulated day and a restore of the server to an earlier moment; kept as evidence.',
    )
    .option('--count <number>', 'this many devices; as many as the plan says', parseCount)
    .option('--hours <number>', 'this many simulated hours; as many as the plan says', parseCount)
    .option('--seed <number>', 'repeats the random choices of an earlier run', parseSeed, randomInt(2 ** 31))
    .option('--json', 'prints the evidence as one JSON array')
    .addHelpText(
      'after',
      '\nExample:\n  aval soak devices medtime --hours 24 --count 200\n\nExit codes: 0 all devices agree and nothing was lost, 1 something was, 2 the command line is wrong, 3 it could not be judged.',
    )
    .action((name: string | undefined, flags: DevicesFlags) => soakDevices(name, flags, context))
}

async function soakDevices(name: string | undefined, flags: DevicesFlags, context: CommandContext): Promise<void> {
  const { clock, signal } = context
  const { seed } = flags
  const project = await findProject(context.cwd, context.home)
  const chosen = chooseSystem(project, name, 'soak devices')
  const system = await loadSystem(project, chosen)
  const guarantee = deriveGuarantees(system.plan).find(({ id }) => id === devicesGuarantee)
  const promised = system.plan.recovery.devices
  if (guarantee === undefined || promised === undefined)
    throw usage('soak devices', `The plan of ${system.name} promises nothing of devices: it has no recovery.devices.`)
  const promisedHours = promised.over / 3_600_000
  const size = { devices: flags.count ?? promised.count, hours: flags.hours ?? promisedHours }
  const effort = effortOf(size, promised)
  context.err(`${system.name}, ${size.devices} devices, ${size.hours} simulated hours, seed ${seed}\n`)
  if (effort === 'fast')
    context.err(`bounded: the plan promises ${promised.count} devices and ${promisedHours} hours\n`)
  const { session, close } = await openSession({
    system,
    state: project.state,
    clock,
    seed,
    effort: 'full',
    signal,
    progress: (_subject, step) => context.err(`${step}\n`),
    log: () => undefined,
  })
  try {
    const { finding, outcome } = await proveDay(guarantee, session, size)
    for (const line of outcome?.trail ?? []) context.err(`  ${line}\n`)
    for (const violation of outcome?.violations ?? []) context.err(`${violation}\n`)
    const keep = await findingKeeper(project, system, seed, context)
    tellEvidence([await keep(finding, effort)], 'system', flags, context)
  } finally {
    await close()
  }
}
