import type { Ledger, Owner, OwnerState } from '@gantry/linux'

/** Where an owner itself stands in the ledger, without those nested in it; nothing when it is not there. */
export function ownerStates(ledger: Ledger, owner: Owner): readonly OwnerState[] {
  return ledger
    .owners(owner)
    .filter((each) => each.owner === owner)
    .map(({ state }) => state)
}
