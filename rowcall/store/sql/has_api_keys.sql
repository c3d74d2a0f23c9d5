-- Whether there is a valid API key; with $1 boolean, whether there ever was one.
SELECT EXISTS (
       SELECT FROM rowcall.api_keys AS k
        WHERE $1::boolean OR k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp()))
