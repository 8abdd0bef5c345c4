import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'

/** What the other files of a repository tell, by the names that stand in them. No value of a variable is kept. */
export interface Surroundings {
  /** A name for the system. */
  name: string
  /** Major version of Postgres that some file names, and which. */
  postgres: { major: number; file: string } | undefined
  /** Services of the Compose file that are not the database. */
  services: { name: string; runs: string; usesDatabase: boolean }[]
  composeFile: string | undefined
  /** Scripts of package.json that start something or migrate. */
  scripts: { name: string; command: string }[]
  /** Variables that hold the URL of a database, and the file that names them. */
  databaseVariables: string[]
  variablesFile: string | undefined
  /** Workflows, each with what in it has to do with the database. */
  workflows: { file: string; about: string[] }[]
}

const oldest = 15
const composeFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml']
const variableFiles = ['.env.example', '.env.sample', '.env.template', '.env.dist']

export async function readSurroundings(root: string): Promise<Surroundings> {
  const compose = await firstOf(root, composeFiles)
  const variables = await firstOf(root, variableFiles)
  const manifest = await readManifest(root)
  const { services, postgres } = compose === undefined ? { services: [], postgres: undefined } : readCompose(compose)
  return {
    name: systemNameOf(manifest.name, root),
    postgres: (await supabaseMajor(root)) ?? postgres,
    services,
    composeFile: compose?.file,
    scripts: manifest.scripts,
    databaseVariables: variables === undefined ? [] : databaseVariables(variables.text),
    variablesFile: variables?.file,
    workflows: await readWorkflows(root),
  }
}

interface NamedText {
  file: string
  text: string
}

async function firstOf(root: string, names: readonly string[]): Promise<NamedText | undefined> {
  for (const file of names) {
    const text = await readFile(join(root, file), 'utf8').catch(() => undefined)
    if (text !== undefined) return { file, text }
  }
  return undefined
}

/** A name a system may have, made of that of the package or the folder. */
export function systemNameOf(packageName: string | undefined, root: string): string {
  const from = packageName?.replace(/^@[^/]*\//, '') ?? basename(root)
  const name = from
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
  return name === '' ? 'system' : name
}

const manifestSchema = z.looseObject({
  name: z.string().optional(),
  scripts: z.record(z.string(), z.string()).optional(),
})

async function readManifest(root: string): Promise<{ name?: string | undefined; scripts: Surroundings['scripts'] }> {
  const text = await readFile(join(root, 'package.json'), 'utf8').catch(() => undefined)
  const read = text === undefined ? undefined : manifestSchema.safeParse(parsedJson(text)).data
  const scripts = Object.entries(read?.scripts ?? {}).map(([name, command]) => ({ name, command }))
  return {
    name: read?.name,
    scripts: scripts.filter(({ name, command }) => /^(start|serve|dev|worker)\b|migrat/.test(`${name} ${command}`)),
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Names such as `app_web` are names in a plan; what is none is made one. */
function entryName(name: string): string {
  return name.replace(/[^\w-]+/g, '-').replace(/^[^A-Za-z]+/, '') || 'service'
}

const composeSchema = z.looseObject({
  services: z
    .record(
      z.string(),
      z.looseObject({
        image: z.string().optional(),
        build: z.unknown().optional(),
        depends_on: z.unknown().optional(),
      }),
    )
    .optional(),
})

function readCompose({ file, text }: NamedText): Pick<Surroundings, 'services' | 'postgres'> {
  const document = parseDocument(text, { logLevel: 'silent' })
  const services = Object.entries(composeSchema.safeParse(plainValue(document)).data?.services ?? {})
  const isDatabase = (image: string | undefined) => image !== undefined && /postg|timescale|pgvector|citus/i.test(image)
  const databases = new Set(services.filter(([, { image }]) => isDatabase(image)).map(([name]) => name))
  const major = services
    .filter(([name]) => databases.has(name))
    .map(([, { image }]) => Number(/:(?:pg)?(\d{2})/.exec(image ?? '')?.[1]))
    .find((each) => each >= oldest)
  return {
    postgres: major === undefined ? undefined : { major, file },
    services: services
      .filter(([name]) => !databases.has(name))
      .map(([name, { image, depends_on }]) => ({
        name: entryName(name),
        runs: image ?? `${file}, built from this repository`,
        usesDatabase: dependsOn(depends_on).some((each) => databases.has(each)),
      })),
  }
}

/** An alias that leads nowhere, or too many of them, make a document without a value. */
function plainValue(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    return undefined
  }
}

function dependsOn(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((each) => typeof each === 'string')
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

function databaseVariables(text: string): string[] {
  const names = [...text.matchAll(/^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*["']?([^\s"'#]*)/gm)]
  return names.flatMap(([, name = '', value = '']) =>
    /^postgres(ql)?:/.test(value) || /(DATABASE|POSTGRES|PG|DB)_?(URL|URI|DSN)/.test(name) ? [name] : [],
  )
}

async function supabaseMajor(root: string): Promise<Surroundings['postgres']> {
  const file = 'supabase/config.toml'
  const text = await readFile(join(root, file), 'utf8').catch(() => '')
  const major = Number(/^\s*major_version\s*=\s*(\d+)/m.exec(text)?.[1])
  return major >= oldest ? { major, file } : undefined
}

const workflowFolder = '.github/workflows'

async function readWorkflows(root: string): Promise<Surroundings['workflows']> {
  const names = await readdir(join(root, workflowFolder)).catch((): string[] => [])
  const read = names
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
    .map(async (name) => {
      const file = `${workflowFolder}/${name}`
      const text = await readFile(join(root, file), 'utf8').catch(() => '')
      const signs: Record<string, RegExp> = {
        migrates: /migrat|db push|drizzle-kit|flyway|dbmate/i,
        'backs up': /pg_dump|backup|wal-g|pgbackrest/i,
        deploys: /deploy|release/i,
      }
      return { file, about: Object.keys(signs).filter((sign) => signs[sign]?.test(text) === true) }
    })
  return Promise.all(read)
}
