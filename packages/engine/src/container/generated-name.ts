import { randomBytes } from '../random.ts'

const adjectives =
  'able agile amber ample apt arid bold brave brisk calm civil clear clever close cosy crisp daring deep deft eager early earnest even exact fair famous fast fine firm fleet fond frank free fresh gentle glad golden grand great handy happy hardy hearty honest humble ideal jolly just keen kind lasting level light lively loyal lucid lucky major mellow merry mighty mild modest neat nimble noble novel open patient plain polite prime proud pure quick quiet rapid ready robust royal sage sharp silent simple sleek smart smooth snug solid sound spry stable stately steady still stout strong sunny super sure swift tender tidy true trusty upbeat useful vivid warm wise witty worthy zesty'.split(
    ' ',
  )
const nouns =
  'anchor anvil arch atlas axle badger barge basin beacon beam bell bison bollard boom bridge buoy cabin cable canal capstan cargo cedar chart cleat cog compass condor coral crane crate cutter davit deck derrick dock dolphin dory drum dune eagle ember falcon fender ferry finch fjord flare forge gable gantry girder glacier gull hangar harbor hatch hawser heron hinge hoist holm hull ibis islet jetty jib kayak keel kestrel knot ladder lagoon lantern lathe ledger lever lighthouse lock locket loom magpie mallet marlin mast meadow mill moor mooring oak oar orca osprey otter paddle pelican pier pike pilot pinion piston plover port prow pulley pylon quay raft rail rampart raven reef ridge rivet rope rudder sail schooner scow seal shoal sextant silo skiff sluice spar spindle sprocket stork strait tackle tern tiller timber tower trestle truss tug turbine valve vessel wharf wheel winch windlass yard yawl'.split(
    ' ',
  )

/** Makes up a name in Docker's manner, `adjective_noun`, that is not taken; after some tries it gets a number. */
export function generateName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const [a, b, c, d] = randomBytes(4) as unknown as [number, number, number, number]
    const adjective = adjectives[(a * 256 + b) % adjectives.length] as string
    const noun = nouns[(c * 256 + d) % nouns.length] as string
    const name = `${adjective}_${noun}${attempt < 6 ? '' : String(attempt - 5)}`
    if (!isTaken(name)) return name
  }
}
