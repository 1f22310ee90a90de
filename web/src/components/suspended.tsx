import { Banner } from '~/ui/badge'
import { visibleLines } from '~/util/visible'

/** What the panel said to somebody whose account is suspended: its text, as text. */
export function SuspendedNote({ said }: { said: string }) {
  return (
    <div role="alert" className="mb-5">
      <Banner
        family="warn"
        shape="suspended"
        title={<bdi className="whitespace-pre-line [overflow-wrap:anywhere]">{visibleLines(said)}</bdi>}
      >
        <span className="block">Your servers go on. Whoever looks after this panel can lift it.</span>
      </Banner>
    </div>
  )
}
