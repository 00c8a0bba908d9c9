//! A Splunk REST client whose calls are traced as splunk.api.
