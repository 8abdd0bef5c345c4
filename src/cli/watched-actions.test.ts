import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { withClient } from '../postgres/connection.ts'
import { processMark, runOrFail, startChild } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import { repositoryDirectory, startArchive } from '../run/archive.ts'
import { startEnvironment } from '../run/environment.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { openActions } from '../watch/actions/actions.ts'
import { alertOf } from '../watch/notify/pager.fixture.ts'
import { commandLine } from './command-line.fixture.ts'
import { runningVersion } from './running-version.ts'
import { performersOf } from './watched-actions.ts'

/* What actions of alerts do for real: commands of Aval against a database that runs, files, rows, and a command of the plan. */

const about = { alert: 'BackupFailed', labels: { backup: 'hourly' } }

/** A project that goes when its test ends, after what was started in it. */
async function projectFor(t: TestContext, sections: Record<string, unknown>) {
  const tiny = await tinyProject({}, sections)
  const endings: (() => unknown)[] = [tiny.remove]
  t.after(async () => {
    for (const end of endings.toReversed()) await end()
  })
  return { tiny, endings }
}

async function performers({ project }: TinyProject) {
  const said: string[] = []
  const performs = performersOf({
    watched: { project, system: await loadSystem(project, 'tiny') },
    clock: systemClock,
    signal: new AbortController().signal,
    log: (line) => said.push(line),
  })
  return { performs, said }
}

/** The system with its archive, as `aval up` runs it. */
async function running({ project }: TinyProject, endings: (() => unknown)[]): Promise<{ ownerUrl: string }> {
  const environment = await startEnvironment({
    system: await loadSystem(project, 'tiny'),
    directory: developmentDirectory(project, 'tiny'),
    environment: 'development',
    clock: systemClock,
    log: () => {},
  })
  endings.push(environment.stop)
  const archive = await startArchive({ project, environment, clock: systemClock, log: () => {} })
  writeRunState(project, environment, repositoryDirectory(project, 'tiny'))
  endings.push(archive.stop, () => removeRunState(project, 'tiny'))
  return environment.database
}

test('a backup is taken again by the rule that failed, and what may go is cleaned up: backups, files and rows', async (t) => {
  const { tiny, endings } = await projectFor(t, {
    recovery: { backups: { hourly: { schedule: '0 * * * *', keep: '1s' } } },
    incidents: {
      actions: {
        cleanUp: {
          files: { exports: { in: 'exports', olderThan: '7d' } },
          rows: {
            seeds: { sql: "DELETE FROM items WHERE name = 'seeded'" },
            misspelt: { sql: 'DELETE FROM itmes' },
          },
          command: ['node', '-e', "require('node:fs').writeFileSync('emptied', process.env.AVAL_ALERT)"],
        },
      },
    },
  })
  const { performs, said } = await performers(tiny)
  const nothingRuns = { state: 'failed', reason: 'aval backup create: BACKUP_NOTHING_RUNS' }
  assert.deepEqual(await performs.retry?.(about), nothingRuns)

  const { ownerUrl } = await running(tiny, endings)
  const backups = async () => {
    const { out } = await commandLine(tiny.directory, 'backup', 'list', 'tiny', '--json')
    return z.array(z.object({ id: z.string(), rule: z.string().nullable() })).parse(JSON.parse(out))
  }
  assert.deepEqual(await performs.retry?.(about), { state: 'done' }, said.join('\n'))
  assert.deepEqual(await performs.retry?.(about), { state: 'done' })
  const [first, second, ...others] = (await backups()).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual([first?.rule, second?.rule, others], ['hourly', 'hourly', []])

  const old = join(tiny.directory, 'exports', 'old')
  await mkdir(join(tiny.directory, 'exports'))
  await writeFile(old, 'four')
  await utimes(old, new Date(0), new Date(0))
  // A statement that fails is named, and keeps nothing else from going.
  assert.deepEqual(await performs.cleanUp?.(about), { state: 'failed', reason: 'misspelt; the log says why' })
  assert.match(said.join('\n'), /cleanUp \| misspelt: relation "itmes" does not exist/)
  assert.deepEqual(
    (await backups()).map(({ id }) => id),
    [second?.id],
  )
  assert.equal(existsSync(old), false)
  const { rows } = await withClient(ownerUrl, (client) => client.query('SELECT name FROM items'))
  assert.deepEqual(rows, [])
  assert.equal(await readFile(join(tiny.directory, 'emptied'), 'utf8'), 'BackupFailed')
})

test('a start from another commit is a release, which an alert within its time takes back by the command of the plan', async (t) => {
  const command = ['node', '-e', "require('node:fs').appendFileSync('taken-back', process.env.AVAL_ALERT + ' ')"]
  const { tiny, endings } = await projectFor(t, {
    alerts: {
      TooManyErrors: {
        when: 'vector(1) > 0',
        severity: 'low',
        notify: ['desk'],
        then: { rollback: { ifDeployedWithin: '1h' } },
      },
    },
    incidents: { channels: { desk: { kind: 'console', reaches: 'the desk' } }, actions: { rollback: { command } } },
  })
  const { project } = tiny
  const system = await loadSystem(project, 'tiny')
  const who = ['-c', 'user.name=tiny', '-c', 'user.email=tiny@example.test']
  const git = (...args: string[]) => runOrFail({ program: 'git', args: [...who, ...args], cwd: project.root })
  const version = runningVersion({ project, system })
  /** Runs the commit that is checked out. */
  const release = async (message: string) => {
    await git('commit', '--quiet', '--allow-empty', '-m', message)
    const child = await startChild({ program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] })
    endings.push(() => child.stop({ signal: 'SIGKILL' }))
    const directory = developmentDirectory(project, 'tiny')
    await mkdir(directory, { recursive: true })
    const state = { pid: processMark(child.pid), adminUrl: '', ownerUrl: '', database: 'none', addresses: {} }
    await writeFile(join(directory, 'run.json'), JSON.stringify(state))
    actions.running((await version()) ?? '')
  }
  const { performs } = await performers(tiny)
  const actions = openActions({ directory: project.root, plan: system.plan, clock: systemClock, perform: performs })
  endings.push(actions.close)
  const fires = async (id: string) => {
    const alert = { ...alertOf({ id, alert: 'TooManyErrors' }), startedAtMs: systemClock.now() }
    await actions.consider(alert)
    return actions.runs().map(({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`))
  }

  await git('init', '--quiet')
  await release('first')
  assert.deepEqual(await fires('before any release'), ['withheld: no release is known'])
  await release('second')
  assert.deepEqual(await fires('after a release'), ['withheld: no release is known', 'done'])
  assert.equal(await readFile(join(tiny.directory, 'taken-back'), 'utf8'), 'TooManyErrors ')
})
