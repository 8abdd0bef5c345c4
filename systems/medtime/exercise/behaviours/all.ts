import type { Behaviour } from 'aval'
import type { People } from '../people.ts'
import { app } from './app.ts'
import { blobValidation } from './blob-validation.ts'
import { catalogBlind, catalogDownload, catalogSearch, catalogValidator } from './catalog.ts'
import { catalogSources } from './catalog-sources.ts'
import { compressedBodies } from './compressed-bodies.ts'
import { cursorGuarded } from './cursor-guarded.ts'
import { errorsAreBlind } from './errors-are-blind.ts'
import { familyConsent, familyEnds, familyScope } from './family.ts'
import { filesPrivate } from './files-private.ts'
import { health } from './health.ts'
import { limits } from './limits.ts'
import { deviceRegistration, webhookSigned } from './messages.ts'
import { noMedication } from './no-medication.ts'
import { ocr } from './ocr.ts'
import { ownRowsOnly } from './own-rows-only.ts'
import { pullComplete } from './pull-complete.ts'
import { pullPages } from './pull-pages.ts'
import { pushAtomic } from './push-atomic.ts'
import { pushConflicts } from './push-conflicts.ts'
import { pushReplay } from './push-replay.ts'
import { quotaExact } from './quota-exact.ts'
import { rates } from './rates.ts'
import { recentSignIn } from './recent-sign-in.ts'
import { rights } from './rights.ts'
import { rotationWhole } from './rotation-whole.ts'
import { secondFactor } from './second-factor.ts'
import { securityHeaders } from './security-headers.ts'
import { sessionsByTier } from './sessions-by-tier.ts'
import { sinceOverlap } from './since-overlap.ts'
import { sizes } from './sizes.ts'
import { syncStatus } from './sync-status.ts'
import { tokensChecked } from './tokens-checked.ts'
import { tokensRotate } from './tokens-rotate.ts'
import { tombstones } from './tombstones.ts'
import { unknownAccounts } from './unknown-accounts.ts'

/** The contract of the services, promise by promise. */
export function allBehaviours(people: People): Behaviour[] {
  return [
    pushAtomic,
    pushConflicts,
    pushReplay,
    blobValidation,
    pullComplete,
    pullPages,
    tombstones,
    cursorGuarded,
    sinceOverlap,
    syncStatus,
    quotaExact,
    rotationWhole,
    filesPrivate,
    compressedBodies,
    tokensChecked,
    ownRowsOnly,
    familyConsent,
    familyEnds,
    familyScope,
    catalogSearch,
    catalogValidator,
    catalogDownload,
    catalogBlind,
    catalogSources,
    deviceRegistration,
    webhookSigned,
    ocr,
    app,
    noMedication,
    errorsAreBlind,
    health,
    limits,
    sizes,
    rates,
    securityHeaders,
    rights,
    recentSignIn,
    unknownAccounts,
    tokensRotate,
    sessionsByTier,
    secondFactor,
  ].flatMap((cases) => cases.map((write) => write(people)))
}
