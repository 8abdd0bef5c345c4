import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { runOrFail, runToEnd } from '../src/process.ts'

const root = resolve(import.meta.dirname, '..')
/** npm runs on the Node of this test, whichever is first on PATH. */
const env = { ...process.env, PATH: `${resolve(process.execPath, '..')}:${process.env['PATH'] ?? ''}` }
const npm = (args: string[], cwd: string) =>
  runOrFail({
    program: 'npm',
    args: [...args, '--no-audit', '--no-fund', '--loglevel=error'],
    cwd,
    env,
    timeoutMs: 240_000,
  })

test('the tarball, installed into an empty project, checks a plan written there', async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'aval-package-'))
  t.after(() => rm(place, { recursive: true, force: true }))

  // Packing points the manifest elsewhere for a moment, so it is done on a copy that nobody else reads.
  const copy = join(place, 'repository')
  await mkdir(copy)
  for (const name of [
    'src',
    'scripts',
    'docs',
    'package.json',
    'tsconfig.json',
    'tsconfig.pack.json',
    'README.md',
    'LICENSE',
  ]) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  const { stdout } = await npm(['pack', '--pack-destination', place], copy)
  const tarball = join(place, stdout.trim().split('\n').at(-1) ?? '')

  const project = join(place, 'shop')
  await mkdir(join(project, 'migrations'), { recursive: true })
  await writeFile(join(project, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }')
  await npm(['install', '--prefer-offline', '--ignore-scripts', tarball], project)
  await writeFile(
    join(project, 'migrations', '20260101000000_first.sql'),
    'CREATE TABLE item (id bigint PRIMARY KEY);\n',
  )
  await writeFile(join(project, 'requirements.yaml'), '[]\n')
  const plan = (version: string) =>
    `import { definePlan } from 'aval'\nexport default definePlan({ system: 'shop', database: { version: '${version}', size: '2GB', migrations: { layout: 'supabase', directory: 'migrations' } } })\n`

  await writeFile(join(project, 'plan.ts'), plan('16'))
  const npx = (...args: string[]) =>
    runToEnd({ program: 'npx', args: ['--no-install', 'aval', ...args], cwd: project, env, timeoutMs: 60_000 })
  const clean = await npx('check')
  assert.equal(clean.code, 0, clean.stdout + clean.stderr)

  await writeFile(join(project, 'plan.ts'), plan('newest'))
  const wrong = await npx('check')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stdout + wrong.stderr, /plan\.ts:2:\d+/)

  const types = await runToEnd({
    program: process.execPath,
    args: [
      join(root, 'node_modules/typescript/bin/tsc'),
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--skipLibCheck',
      'plan.ts',
    ],
    cwd: project,
  })
  assert.equal(types.code, 0, `the types that come with the package serve its user: ${types.stdout}`)
})
