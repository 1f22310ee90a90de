import { texts } from '~/i18n/texts'
import { Card } from '~/ui/bits'
import { Empty } from '~/ui/wait'

const t = texts('servers')

/** The list of somebody who may not make servers and has none yet: what they wait for. */
export function NothingYours() {
  return (
    <Card>
      <Empty title={t('none.yours')}>{t('none.yours_note')}</Empty>
    </Card>
  )
}
