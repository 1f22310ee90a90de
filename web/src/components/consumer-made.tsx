import type { NewEventConsumer } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { CommandBox, CopyButton } from '~/ui/copy-box'
import { DialogFoot } from '~/ui/dialog'
import { saveFile } from '~/util/save-file'

const t = texts('consumers')

/** What a consumer needs to connect; the credential is in no other place. */
export function ConsumerMade({ made, onClose }: { made: NewEventConsumer; onClose: () => void }) {
  const file = `${made.consumer.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.creds`
  return (
    <div className="flex flex-col gap-4">
      <div className="overflow-hidden rounded-box border border-line-2">
        <div className="flex items-center gap-2 border-b border-line py-1.5 pr-1.5 pl-3.5">
          <span className="mono text-12 text-t2">{file}</span>
          <span className="flex-1" />
          <Button size="sm" onClick={() => saveFile(file, made.creds)}>
            {t('made.save')}
          </Button>
          <CopyButton text={made.creds} primary />
        </div>
        <pre
          tabIndex={0}
          role="group"
          aria-label={t('made.credential')}
          className="mono max-h-40 overflow-auto bg-term-bg px-3.5 py-2.5 text-12 leading-5 text-term-fg"
        >
          {made.creds}
        </pre>
      </div>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
        <dt className="text-t3">{t('made.servers')}</dt>
        <dd className="mono text-12 leading-5 [overflow-wrap:anywhere]">
          {Array.isArray(made.nats_urls) ? made.nats_urls.join(', ') : String(made.nats_urls)}
        </dd>
        <dt className="text-t3">{t('made.subjects')}</dt>
        <dd className="mono text-12 leading-5 [overflow-wrap:anywhere]">{made.subjects.join(', ')}</dd>
        <dt className="text-t3">{t('made.stream')}</dt>
        <dd className="mono text-12 leading-5">
          {made.durables.length > 0
            ? t('made.durable', { stream: made.stream, names: made.durables.join(', ') })
            : made.stream}
        </dd>
      </dl>
      {made.ca_pem && (
        <div className="flex items-center gap-2">
          <span className="text-t2">{t('made.ca')}</span>
          <span className="flex-1" />
          <Button size="sm" onClick={() => saveFile('warren-ca.pem', made.ca_pem ?? '')}>
            {t('made.save_ca')}
          </Button>
        </div>
      )}
      {made.example && (
        <div>
          <div className="mb-1.5 font-medium">{t('made.try')}</div>
          <CommandBox text={made.example} />
        </div>
      )}
      <DialogFoot>
        <Button look="primary" onClick={onClose}>
          {t('made.done')}
        </Button>
      </DialogFoot>
    </div>
  )
}
