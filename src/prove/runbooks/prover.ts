import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { timestamp } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { System } from '../../project/project.ts'
import { seededRandom } from '../../random.ts'
import { createFinder, type Finder } from '../blindness/finder.ts'
import { sow } from '../blindness/planted.ts'
import { oncePerSession } from '../once.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { type Block, blocksOf, expectedVariables } from './blocks.ts'
import { runbookMutants, withFault } from './broken.ts'
import { deskOf } from './desk.ts'
import { variableOf } from './surroundings.ts'

/**
 * Runs the commands of runbooks as they are written, block after block, in a project of the operator's own against the system under test. Before, values
 * that stand for what users entrust are sent into a system that has an exercise: no command may show one.
 */
export const runbooksProver: Prover = {
  kind: 'runbooks',
  accepts: (guarantee, system) => system.plan.database !== undefined && fileOf(guarantee, system) !== undefined,
  needsExercise: false,
  // Each needs a site with clients, an archive and a backup, and many programs are started.
  isLong: () => true,
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) {
      session.signal.throwIfAborted()
      const startedAt = session.clock.now()
      const judged = await tryRunbook(guarantee, session).catch((error: unknown): Judged => {
        session.signal.throwIfAborted()
        return {
          outcome: 'inconclusive',
          reason: `The runbook could not be tried: ${messageOf(error)}`,
          remedy: 'See that the system comes up with `aval up` and prove again',
        }
      })
      const steps = session.steps(guarantee.id).done()
      yield { guarantee, ...judged, steps, startedAt, tookMs: session.clock.now() - startedAt }
    }
  },
  mutants: runbookMutants,
}

type WithoutFacts<F> = F extends Finding ? Omit<F, 'guarantee' | 'steps' | 'startedAt' | 'tookMs'> : never
type Judged = WithoutFacts<Finding>

const remedy =
  'Mend the command in the runbook, or mark its block `elsewhere` when it needs what only the real place has'

async function tryRunbook(guarantee: Guarantee, session: ProofSession): Promise<Judged> {
  const { system, faults } = session
  const markdown = readRunbook(guarantee, system)
  if (markdown === undefined) return { outcome: 'failed', reason: 'Its file cannot be read', remedy }
  const blocks = withFault(blocksOf(markdown), faults, system.name)
  if (blocks.length === 0) return { outcome: 'failed', reason: 'It holds no command that could be run', remedy }
  const here = blocks.filter(({ elsewhere }) => !elsewhere)
  const steps = session.steps(guarantee.id)
  if (here.length === 0) {
    for (const block of blocks) steps.leave(nameOf(block), 'needs what only the real place has')
    return {
      outcome: 'inconclusive',
      reason: `None of its ${blocks.length} blocks can be run here: each needs what only the real place has`,
      remedy: 'Carry it out in a drill, and record the drill',
    }
  }
  const unnamed = here
    .flatMap(expectedVariables)
    .find((name) => !markdown.replace(/```[\s\S]*?```/g, '').includes(`\`${name}\``))
  if (unnamed !== undefined) return { outcome: 'failed', reason: `It uses $${unnamed}, which it names nowhere`, remedy }
  return runBlocks(guarantee, blocks, session)
}

async function runBlocks(guarantee: Guarantee, blocks: readonly Block[], session: ProofSession): Promise<Judged> {
  const steps = session.steps(guarantee.id)
  const desk = await deskOf(session)
  const finder = session.system.plan.exercise === undefined ? undefined : await plantedFinder(session)
  const broken: string[] = []
  const unfilled = new Set<string>()
  const stoodIn = new Set<string>()
  let ran = 0
  let elsewhere = 0
  for (const block of blocks) {
    session.signal.throwIfAborted()
    if (block.elsewhere) {
      elsewhere++
      steps.leave(nameOf(block), 'needs what only the real place has')
      continue
    }
    const variables = { ...(await desk.of(block)), ...block.given?.variables }
    const missing = expectedVariables(block).filter((name) => variables[name] === undefined)
    if (missing.length > 0) {
      for (const name of missing) unfilled.add(name)
      steps.leave(nameOf(block), `nothing stands here for ${missing.join(', ')}`)
      continue
    }
    ran++
    for (const service of desk.standIns.filter((each) => expectedVariables(block).includes(variableOf(each))))
      stoodIn.add(service)
    await steps
      .do(nameOf(block), async () => {
        const before = session.clock.now()
        if (block.given !== undefined && block.given.sql !== '') {
          const { code } = await desk.run(
            { ...block, language: 'sql', role: undefined, text: block.given.sql },
            variables,
          )
          if (code !== 0) throw new Error(`what is given before it ended with ${code}`)
          if (/\$\{?AT\b/.test(block.text)) await desk.untilStored(before)
        }
        if (block.given !== undefined && block.given.shell !== '') {
          const { code } = await desk.run({ language: 'sh', role: undefined, text: block.given.shell }, variables)
          if (code !== 0) throw new Error(`what a shell does before it ended with ${code}`)
        }
        const { code, output } = await desk.run(
          block,
          block.given?.sql ? { ...variables, AT: timestamp(before) } : variables,
        )
        if (((await finder?.find(Buffer.from(output))) ?? []).length > 0)
          throw new Error('showed a value that a user entrusted')
        if (code !== 0) throw new Error(`ended with ${code}: ${lastWords(output)}`)
      })
      .catch((error: unknown) => broken.push(`line ${block.line}: ${messageOf(error)}`))
  }
  await desk.clear()
  const notRun = [
    ...(elsewhere === 0 ? [] : [`; ${elsewhere} need what only the real place has`]),
    ...(stoodIn.size === 0 ? [] : [`; a stand-in answered for ${[...stoodIn].join(', ')}`]),
  ].join('')
  if (broken.length === 0 && unfilled.size > 0)
    return {
      outcome: 'inconclusive',
      reason: `${ran} of ${blocks.length} blocks ran as written; nothing stands here for ${[...unfilled].join(', ')}${notRun}`,
      remedy: 'Carry it out in a drill, and record the drill',
    }
  return {
    outcome: 'measured',
    measured: broken.length,
    sample: { size: ran, of: 'blocks of commands' },
    scale: null,
    reason:
      broken.length === 0 ? `${ran} of ${blocks.length} blocks ran as written${notRun}` : broken.slice(0, 3).join('; '),
    remedy,
  }
}

/** Sends a value by every way that is not costly and comes back with what finds them. */
const plantedFinder = oncePerSession(async ({ exercise, seed, system }: ProofSession): Promise<Finder> => {
  const paths = exercise.paths().filter(({ costly, keptAsSent }) => !costly && keptAsSent === undefined)
  const sowing = sow(paths, Object.keys(system.plan.telemetry.forbidden), seededRandom(seed).fork('runbooks'), false)
  // A refusal is a way in as well: what was refused may still be told.
  for (const { path, text } of sowing.planted)
    await paths
      .find(({ id }) => id === path)
      ?.plant(text)
      .catch(() => undefined)
  return createFinder(sowing)
})

function fileOf(guarantee: Guarantee, system: System): string | undefined {
  return system.plan.runbooks[guarantee.subject]?.file
}

function readRunbook(guarantee: Guarantee, system: System): string | undefined {
  const file = fileOf(guarantee, system)
  if (file === undefined) return undefined
  try {
    return readFileSync(join(system.directory, file), 'utf8')
  } catch {
    return undefined
  }
}

function nameOf({ line, text }: Block): string {
  return `line ${line}: ${text.trim().split('\n')[0]?.slice(0, 90) ?? ''}`
}

function lastWords(output: string): string {
  return output.trim().split('\n').slice(-3).join(' | ').slice(0, 300)
}
