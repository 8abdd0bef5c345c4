import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { startServer } from '../../postgres/launch.ts'
import { reachable } from '../../postgres/place.ts'
import { runOrFail, runToEnd } from '../../process.ts'
import { restoreWindow } from '../../recovery/restore/restore-point.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import { makeOperator } from '../recovery/operator.ts'
import { type Site, siteOf } from '../recovery/site.ts'
import type { Block } from './blocks.ts'

/** Where whoever is on call sits: a shell in a project of their own, with the variables that runbooks ask them to set. */
export interface Desk {
  /** What is known for the variables of a runbook; those that are not known can be set by nobody here. */
  variables(block: Block): Promise<Readonly<Record<string, string>>>
  /** Waits until a moment can be restored. @throws after half a minute */
  untilStored(moment: number): Promise<void>
  /** Gives a block to a shell that stops at the first command that fails. */
  run(block: Block, variables: Readonly<Record<string, string>>): Promise<{ code: number | null; output: string }>
}

const blockTimeoutMs = 180_000

/**
 * Variables that this knows: `DB`, `DATA` and `STORE` of the running system, the address of each service under its name in capitals, `TARGET` (an empty
 * directory, a new one for each restore), `SCRATCH` (the server started on the last of them) and `USER_ID` (a user with rows).
 */
export const deskOf = oncePerSession(async (session: ProofSession): Promise<Desk> => {
  const site = await siteOf(session)
  // What the archive has not stored yet no restore can reach.
  const { operator, environment } = site
  await site.archive()
  await writeProgram(session, site)
  await historyIn(operator.project.root)
  let target: string | undefined
  let scratchUrl: string | undefined
  let targets = 0
  const newTarget = async () => {
    const directory = await reachable(join(session.scratch.directory, `runbook-${++targets}`))
    await mkdir(directory, { recursive: true })
    scratchUrl = undefined
    return directory
  }
  const startScratch = async (dataDirectory: string) => {
    const { clock, scratch } = session
    const { binaries, database } = await scratch.environment()
    const server = await startServer({
      dataDirectory,
      binaries,
      clock,
      settings: session.system.plan.database?.settings ?? {},
    })
    session.defer(() => server.stop())
    return server.url({ database: database.name })
  }
  const [client] = site.clients
  const tenant = client === undefined ? undefined : session.exercise.tenantOf?.(client)
  const services = Object.entries(environment.addresses()).map(([name, address]) => [
    name.toUpperCase().replaceAll('-', '_'),
    address.replace(/\/$/, ''),
  ])
  return {
    variables: async ({ text }) => {
      if (/\baval restore\b/.test(text)) target = await newTarget()
      else target ??= await newTarget()
      if (/\$\{?SCRATCH\b/.test(text) && targets > 0) scratchUrl ??= await startScratch(target)
      return {
        ...Object.fromEntries(services),
        DB: environment.server.url({ database: environment.database.name }),
        DATA: environment.server.dataDirectory,
        STORE: site.storeDirectory,
        TARGET: target,
        ...(scratchUrl === undefined ? {} : { SCRATCH: scratchUrl }),
        ...(tenant === undefined ? {} : { USER_ID: tenant }),
      }
    },
    untilStored: async (moment) => {
      const { clock } = session
      const deadline = clock.now() + 30_000
      for (;;) {
        const window = await restoreWindow(site.repository)
        if (window !== undefined && window.to > moment) return
        if (clock.now() > deadline) throw new Error('the archive did not store the moment before')
        await clock.sleep(100, session.signal)
      }
    },
    run: async ({ text, language, role }, variables) => {
      const env = {
        ...process.env,
        CI: '1',
        NO_COLOR: '1',
        PAGER: 'cat',
        PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
        ...variables,
      }
      const db = variables['DB'] ?? ''
      const asked = [
        '-X',
        '--set',
        'ON_ERROR_STOP=1',
        db,
        ...(role === undefined ? [] : ['-c', `SET ROLE "${role}"`]),
        '-c',
        text,
      ]
      const { code, stdout, stderr } = await runToEnd({
        ...(language === 'sql'
          ? { program: 'psql', args: asked }
          : { program: 'bash', args: ['-eu', '-o', 'pipefail', '-c', text] }),
        cwd: operator.project.root,
        env,
        timeoutMs: blockTimeoutMs,
      })
      return { code, output: `${stdout}\n${stderr}` }
    },
  }
})

/**
 * Writes the operator's `./aval`. Two commands end otherwise than at a desk: `up`, which runs until Ctrl-C, gets it once the system serves, in a
 * project beside this one; and `prove`, which is a proof of its own, is only asked whether its options stand and promises begin with what it names.
 */
async function writeProgram(session: ProofSession, { operator }: Site): Promise<void> {
  const beside = await makeOperator({ system: session.system, root: join(session.scratch.directory, 'beside') })
  const call = operator.program.map(quoted).join(' ')
  const file = join(operator.project.root, 'aval')
  await writeFile(
    file,
    `#!/usr/bin/env bash
case "$1" in
  prove) shift; exec ${call} guarantees "$@" ;;
  up)
    shift
    cd ${quoted(beside.project.root)}
    set -m
    ${call} up "$@" --scratch &
    for _ in $(seq 600); do
      [ -f ${quoted(join(beside.directory, 'run.json'))} ] && break
      kill -0 $! 2>/dev/null || break
      sleep 0.1
    done
    kill -INT $! 2>/dev/null
    wait $!
    ;;
  *) exec ${call} "$@" ;;
esac
`,
  )
  await chmod(file, 0o755)
}

/** The operator's project under version control with a release and the one before, as runbooks look for what changed. */
async function historyIn(root: string): Promise<void> {
  const git = (...args: string[]) =>
    runOrFail({
      program: 'git',
      args: ['-c', 'user.name=operator', '-c', 'user.email=operator@localhost', ...args],
      cwd: root,
    })
  await git('init', '-q', '-b', 'main')
  for (const release of ['one release', 'the next release'])
    await git('commit', '-q', '--allow-empty', '--no-gpg-sign', '-m', release)
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
