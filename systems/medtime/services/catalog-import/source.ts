/** Where medicines come from, the most trusted in names first. */
export const medicineSources = ['starter', 'ema', 'rxnorm', 'cofepris', 'ema-rxnorm', 'drugs-at-fda'] as const
export type MedicineSource = (typeof medicineSources)[number]

export const sources = [...medicineSources, 'cofepris-lists'] as const
export type Source = (typeof sources)[number]

/** Raised when the same file would tell something else than before, so that it is read again. */
export const edition = 1
