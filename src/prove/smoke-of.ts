import type { SmokeResult } from './exercise.ts'

/**
 * Makes the checks of a smoke test in their order, each whatever those before it found; one has passed when its work resolves.
 * @param tell what a report may hold of a failure: words of a server may hold values of rows. Undefined for nothing.
 */
export async function smokeOf(
  work: Readonly<Record<string, () => Promise<void>>>,
  tell: (error: unknown) => string | undefined,
): Promise<SmokeResult> {
  const checks: SmokeResult['checks'] = []
  for (const [name, check] of Object.entries(work)) {
    try {
      await check()
      checks.push({ name, passed: true })
    } catch (error) {
      const detail = tell(error)
      checks.push({ name, passed: false, ...(detail === undefined ? {} : { detail }) })
    }
  }
  return { passed: checks.every(({ passed }) => passed), checks }
}
