from ifrs.modalities.image.model import Model

__all__ = ["Model"]
