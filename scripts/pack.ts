/**
 * What `npm pack` and `npm publish` run before and after. Node refuses TypeScript below node_modules, so the package holds
 * JavaScript with types, and for the moment of packing a manifest that points at them.
 *
 *   node scripts/pack.ts build      compiles src into dist/ and points package.json there
 *   node scripts/pack.ts restore    puts package.json back
 */
import { existsSync } from 'node:fs'
import { chmod, copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { runOrFail } from '../src/process.ts'

const root = resolve(import.meta.dirname, '..')
const manifestFile = join(root, 'package.json')
const original = join(root, 'dist', 'package.json.original')

async function build(): Promise<void> {
  // An interrupted packing leaves the pointed manifest behind; the original is the one to start from.
  await restore()
  await rm(join(root, 'dist'), { recursive: true, force: true })
  await runOrFail({
    program: process.execPath,
    args: [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.pack.json')],
    cwd: root,
    timeoutMs: 300_000,
  })
  const starter = join(root, 'dist', 'aval.js')
  await writeFile(starter, "#!/usr/bin/env -S node --disable-warning=ExperimentalWarning\nimport './cli/main.js'\n")
  await chmod(starter, 0o755)

  const manifest = z.looseObject({}).parse(JSON.parse(await readFile(manifestFile, 'utf8')))
  const { workspaces: _workspaces, devDependencies: _dev, scripts: _scripts, ...shipped } = manifest
  const entry = (path: string) => ({ types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` })
  await copyFile(manifestFile, original)
  await writeFile(
    manifestFile,
    `${JSON.stringify(
      {
        ...shipped,
        bin: { aval: './dist/aval.js' },
        exports: { '.': entry('index'), './telemetry': entry('telemetry/index') },
      },
      null,
      2,
    )}\n`,
  )
}

async function restore(): Promise<void> {
  if (existsSync(original)) await rename(original, manifestFile)
}

const task = process.argv[2]
if (task === 'build') await build()
else if (task === 'restore') await restore()
else throw new Error('say build or restore')
