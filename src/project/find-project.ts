import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { failure } from '../errors.ts'
import { parsePlanSource } from './plan-source.ts'
import type { Project } from './project.ts'

/**
 * The project a person stands in: the nearest folder, from `cwd` upwards, with `plan.ts` (one system) or
 * `systems/<name>/plan.ts` (several); else `home`. A folder `systems/<name>` belongs to the project that holds `systems`, so
 * that one ledger serves it from wherever a command is given.
 *
 * @throws PROJECT_NOT_FOUND when `home` is not a project either.
 */
export async function findProject(cwd: string, home: string): Promise<Project> {
  for (const folder of [...ancestors(cwd), home]) {
    const project = projectAt(folder)
    if (project) return withStanding(project, cwd)
  }
  throw failure('PROJECT_NOT_FOUND', { path: cwd })
}

/** Folder of a system of the project: the root itself when the project is one system. */
export function systemDirectory(project: Project, name: string): string {
  const own = join(project.root, 'systems', name)
  return existsSync(join(own, 'plan.ts')) ? own : project.root
}

function projectAt(folder: string): Project | undefined {
  const several = systemsIn(folder)
  if (several.length > 0) return { root: folder, state: join(folder, '.aval'), systems: several }
  if (!existsSync(join(folder, 'plan.ts'))) return undefined
  const holder = dirname(folder)
  if (basename(holder) === 'systems') return projectAt(dirname(holder))
  return { root: folder, state: join(folder, '.aval'), systems: [nameOfOnlySystem(folder)] }
}

function systemsIn(folder: string): string[] {
  try {
    return readdirSync(join(folder, 'systems'))
      .filter((name) => existsSync(join(folder, 'systems', name, 'plan.ts')))
      .sort()
  } catch {
    return []
  }
}

/** A checkout may have any name, so a lone system is called what its plan says, when that can be read off its text. */
function nameOfOnlySystem(folder: string): string {
  try {
    const file = join(folder, 'plan.ts')
    return parsePlanSource(file, readFileSync(file, 'utf8')).textAt(['system']) ?? basename(folder)
  } catch {
    return basename(folder)
  }
}

function withStanding(project: Project, cwd: string): Project {
  const here = project.systems.find((name) => {
    const folder = systemDirectory(project, name)
    return cwd === folder || cwd.startsWith(`${folder}/`)
  })
  return here === undefined ? project : { ...project, here }
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...ancestors(parent)]
}
