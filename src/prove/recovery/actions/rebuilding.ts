import { cp, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { startServer } from '../../../postgres/launch.ts'
import { reachable } from '../../../postgres/place.ts'
import { startChild } from '../../../process.ts'
import { directoryStore } from '../../../recovery/stores/directory-store.ts'
import { repositoryDirectory, repositoryKeyFile } from '../../../run/archive.ts'
import { type RunState, readRunState } from '../../../run/run-state.ts'
import { takeFromCustody } from '../custody.ts'
import { operatorAt } from '../operator.ts'
import { type CarryOut, need, type Run } from '../run.ts'
import { git } from '../work-tree.ts'

/** Beginning again from a clone of the source and what is kept elsewhere. */

const startWithinMs = 90_000

export const cloneSource: CarryOut = async (run) => {
  const { faults, scratch, system } = run.session
  const { root, folder } = need(run.blow.source, 'left a source to clone')
  const clone = join(scratch.directory, 'clone')
  const { code, stderr } = await git(['clone', '--quiet', root, clone])
  if (code !== 0) throw new Error(`git clone ended with ${code}: ${stderr.trim().split('\n').at(-1)}`)
  const commit = (await git(['-C', clone, 'rev-parse', '--short', 'HEAD'])).stdout.trim()
  if (faults.has('clone-incomplete')) await rm(join(clone, folder, 'services'), { recursive: true, force: true })
  // What `npm ci` would bring, without asking a registry in the middle of a proof.
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
  run.site.operator = await operatorAt({ root: clone, system: system.name, folder })
  // The store is attached where the clone looks for it: what is kept elsewhere is mounted, not copied, by a person.
  const attached = repositoryDirectory(run.site.operator.project, system.name)
  await mkdir(join(attached, '..'), { recursive: true })
  await cp(run.site.storeDirectory, attached, { recursive: true })
  run.site.storeDirectory = attached
  run.site.repository = await run.site.open(directoryStore(attached))
  return { by: `git clone ${root}`, saw: `commit ${commit}; packages linked in place of npm ci, the store attached` }
}

/** Opens the escrow copy with the identity alone and puts the key where commands look for it. */
export const fetchKey: CarryOut = async (run) => {
  const custody = need(run.blow.custody, 'left an escrow copy of the key')
  const file = repositoryKeyFile(run.site.operator.project, run.session.system.name)
  const keys = await takeFromCustody(custody, file)
  run.site.keyFile = file
  return { by: 'the escrow copy, opened with its identity', saw: `${keys} keys put in their place` }
}

/** Starts everything from the clone by the command a person gives, and lets clients find it there. */
export async function startFromClone(run: Run): Promise<RunState> {
  const { clock, system, signal } = run.session
  const { operator } = run.site
  const [program, ...first] = operator.program
  const child = await startChild({
    program,
    args: [...first, 'up', system.name],
    cwd: operator.project.root,
    env: { ...process.env, CI: '1', NO_COLOR: '1' },
  })
  run.session.defer(async () => {
    await child.stop({ graceMs: 20_000 })
  })
  let said = ''
  child.process.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000)
  })
  child.process.stdout?.resume()
  const deadline = clock.now() + startWithinMs
  for (;;) {
    const state = readRunState(operator.project, system.name)
    if (state) {
      run.made.up = child
      run.session.route(state.addresses)
      return state
    }
    if (child.process.exitCode !== null || clock.now() > deadline) {
      await child.stop({ graceMs: 5_000 })
      throw new Error(`aval up did not start: ${said.trim().split('\n').slice(-3).join(' | ')}`)
    }
    await clock.sleep(50, signal)
  }
}

/** Ends what runs from the clone and goes on with its data in the environment of the session, so that other proofs find it. */
export async function bringHome(run: Run): Promise<void> {
  const { clock, scratch } = run.session
  if (run.made.up === undefined) return
  await run.made.up.stop({ graceMs: 20_000 })
  const environment = await scratch.environment()
  const dataDirectory = await reachable(join(run.site.operator.directory, 'database'))
  const { port } = environment.server
  await environment.replaceServer(await startServer({ dataDirectory, binaries: environment.binaries, clock, port }))
  await environment.startServices()
  run.session.route(undefined)
  run.site.announce()
}
