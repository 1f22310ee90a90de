import { texts } from '~/i18n/texts'
import { Banner } from '~/ui/badge'
import { visibleLines } from '~/util/visible'

const t = texts('door')

/** What the panel said to somebody whose account is suspended: its text, as text. */
export function SuspendedNote({ said }: { said: string }) {
  return (
    <div role="alert" className="mb-5">
      <Banner
        family="warn"
        shape="suspended"
        title={<bdi className="whitespace-pre-line [overflow-wrap:anywhere]">{visibleLines(said)}</bdi>}
      >
        <span className="block">{t('suspended.go_on')}</span>
      </Banner>
    </div>
  )
}
