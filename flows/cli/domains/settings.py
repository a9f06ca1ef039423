"""The settings of ``domains train``: how texts are read, and how the classifier is fitted."""

from gristmill.flows.cli.classifier.settings import ReadingSettings
from gristmill.tasks.domains.topic_settings import TopicFitConfig


class DomainsTrainSettings(TopicFitConfig, ReadingSettings):
    """The settings of ``domains train``; the fields of the last base come first."""

    def config(self) -> TopicFitConfig:
        """The settings of the training."""
        return TopicFitConfig.model_validate({name: getattr(self, name) for name in TopicFitConfig.model_fields})
