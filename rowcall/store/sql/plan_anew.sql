-- Plan every statement for its arguments from now on, until this transaction ends: those that join arrays need that.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
