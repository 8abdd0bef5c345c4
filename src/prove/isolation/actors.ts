import type { Actor, Setting } from './attempt.ts'
import type { Catalog } from './catalog.ts'
import { type Identity, spokenFor } from './identity.ts'

/**
 * Every role of the plan, and every role it may become; each speaks for its tenant, for nobody, and for a blank name where policies ask for
 * a setting.
 */
export function actorsOf(serving: readonly string[], catalog: Catalog, identity: Identity, tenant: string): Actor[] {
  const reached = catalog.roles
    .filter(({ name }) => serving.includes(name))
    .flatMap(({ name, superuser, becomes, grants }) => [
      { role: name, as: name, granting: false },
      ...(superuser ? [] : becomes.map((as) => ({ role: name, as, granting: false }))),
      ...(superuser
        ? []
        : grants.filter((as) => !becomes.includes(as)).map((as) => ({ role: name, as, granting: true }))),
    ])
  return reached.flatMap((who): Actor[] => {
    const settings = spokenFor(identity, tenant, who.as)
    const blank = settings.map(([name]): Setting => [name, ''])
    return [
      { ...who, settings, speaks: 'own' },
      { ...who, settings: [], speaks: 'nobody' },
      ...(blank.length > 0 ? [{ ...who, settings: blank, speaks: 'blank' as const }] : []),
    ]
  })
}
